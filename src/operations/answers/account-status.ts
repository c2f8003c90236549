/** How accounts stand: one, a page of them, and the whole service in a few numbers. */
import * as z from 'zod';
import { accountState, byteCountsSchema, count, instant, messageCountsSchema, stateCounts } from './counts.ts';
import { pauseSchema } from './overview.ts';
import { errorCode, problemSchema } from './problem.ts';
import type { Shown } from './shown.ts';

/** A pause as it is shown. */
export type ShownPause = Shown<typeof pauseSchema>;

/** One account, as the API and `mailhaul status` show it. */
export const accountStatusSchema = z
  .strictObject({
    id: z.string(),
    group: z.string(),
    state: accountState,
    messages: messageCountsSchema,
    bytes: byteCountsSchema,
    run: z
      .strictObject({ id: z.string(), startedAt: instant, finishedAt: instant.nullable() })
      .nullable()
      .describe('The last run; null before the first.'),
    underWay: z
      .boolean()
      .describe('A run was asked for or goes on, and no pause keeps it back: there is something to wait for.'),
    paused: pauseSchema.nullable().describe('The pause that holds it, even where nothing is left to do.'),
    waiting: z
      .array(z.strictObject({ side: z.string(), until: instant, because: z.string() }))
      .describe('What it waits for, on either side.'),
    error: z.string().describe('What its run met last; empty for nothing.'),
  })
  .meta({ id: 'AccountStatus' });

/** One account, as the API and `mailhaul status` show it. */
export type AccountStatus = Shown<typeof accountStatusSchema>;

/** Where the next page of a list begins. */
export const nextPage = z
  .string()
  .nullable()
  .describe('Where the next page begins, to be given as `after`; null at the end.');

/** GET /api/accounts: a page in the order of the ids. */
export const statusPageSchema = z.strictObject({ accounts: z.array(accountStatusSchema), next: nextPage });

/** GET /api/accounts: a page in the order of the ids. */
export type StatusPage = Shown<typeof statusPageSchema>;

const place = z.strictObject({ host: z.string(), port: count, user: z.string() });

const acceptedSchema = z.strictObject({
  acceptance: z.strictObject({ by: z.string(), reason: z.string(), at: count.describe('Milliseconds since 1970.') }),
  refusal: z.strictObject({
    code: errorCode,
    text: z.string(),
    uidl: z.string().optional(),
    size: count.optional(),
    sha256: z.string().optional(),
    reply: z.string().optional().describe('What the server said, where one was asked.'),
    tries: count.optional(),
    arrived: z.string().optional(),
    date: z.string().optional(),
    messageId: z.string().optional(),
    subject: z.string().optional(),
    at: count.optional().describe('Milliseconds since 1970.'),
    run: count.optional(),
  }),
});

/** GET /api/accounts/ID: everything about one account. */
export const accountDetailSchema = z.strictObject({
  ...accountStatusSchema.shape,
  source: place,
  destination: place,
  mailboxes: z.record(z.string(), count).describe('Messages appended in the run, by mailbox.'),
  problems: z.array(problemSchema),
  accepted: z.array(acceptedSchema).describe('Messages that somebody signed off.'),
});

/** GET /api/accounts/ID: everything about one account. */
export type AccountDetail = Shown<typeof accountDetailSchema>;

/** GET /api/status: the service in a few numbers. */
export const serviceStatusSchema = z.strictObject({
  version: z.literal(1),
  ready: z.boolean(),
  accounts: stateCounts,
  openRuns: count.describe('Runs that have not ended.'),
  messages: messageCountsSchema,
  pauses: z.array(pauseSchema),
  processes: z.array(z.strictObject({ host: z.string(), pid: count, roles: z.array(z.string()), spoolBytes: count })),
});

/** GET /api/status: the service in a few numbers. */
export type ServiceStatus = Shown<typeof serviceStatusSchema>;
