/** Work in the background: what can be asked for, and how it stands. */
import * as z from 'zod';
import type { Authorized } from '../authorize.ts';
import { checkReportSchema } from './check-report.ts';
import { count, instant, label } from './counts.ts';
import { discoverReportSchema } from './discover-report.ts';
import { errorSchema } from './problem.ts';
import { reportSchema } from './reports.ts';
import type { Shown } from './shown.ts';

/** Which accounts: exactly one of the three. Those that are switched off are left out. */
const selection = {
  account: z.array(label).min(1).max(10_000).optional(),
  group: label.optional(),
  all: z.literal(true).optional(),
};

/** POST /api/tasks: the options are those of the command of the same name. */
export const taskRequest = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('check'), ...selection }),
  z.strictObject({
    kind: z.literal('verify'),
    ...selection,
    deep: z
      .union([z.literal(true), z.string().min(1).max(20)])
      .optional()
      .describe('true: the content of every message is compared. 500 or 5%: of so many of each account, at random.'),
    seed: z.number().int().min(0).optional().describe('Of an earlier sample, to compare the same messages again.'),
  }),
  z.strictObject({ kind: z.literal('dry-run'), ...selection }),
  z.strictObject({
    kind: z.literal('discover'),
    addresses: z.array(z.string().min(1).max(320)).min(1).max(100).describe('Mail addresses or domains.'),
    protocol: z.enum(['pop3', 'imap']).optional().describe('That one alone.'),
    everywhere: z.literal(true).optional().describe('Ask every place, though an earlier one sufficed.'),
  }),
  z.strictObject({
    kind: z.literal('authorize'),
    id: label.describe('The account. Its progress says where the person signs in, and the code to type in there.'),
  }),
]);

/** POST /api/tasks. */
export type TaskRequest = z.output<typeof taskRequest>;

/** The kinds of tasks. */
export type TaskKind = TaskRequest['kind'];

/** A task in the list. */
export const taskSummarySchema = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['check', 'verify', 'dry-run', 'discover', 'authorize'] as const satisfies readonly TaskKind[]),
    scope: z.string().describe('What it is about: ids, a group, all, or addresses.'),
    by: z.string().describe('Who asked for it.'),
    state: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
    createdAt: instant,
    startedAt: instant.nullable(),
    finishedAt: instant.nullable(),
    done: count.describe('Accounts or domains that are through.'),
    of: count.describe('Accounts or domains that it is about.'),
  })
  .meta({ id: 'TaskSummary' });

/** A task in the list. */
export type TaskSummary = Shown<typeof taskSummarySchema>;

/** GET /api/tasks: the newest first. */
export const tasksSchema = z.strictObject({ tasks: z.array(taskSummarySchema) });

/** The document of `mailhaul authorize --json`. */
const authorizedReport = z
  .strictObject({
    version: z.literal(1),
    account: z.string(),
    authorized: z.array(
      z.strictObject({ side: z.enum(['source', 'destination']), provider: z.string(), user: z.string() }),
    ),
  })
  .meta({ id: 'AuthorizedReport' }) satisfies z.ZodType<{ authorized: readonly Authorized[] }>;

/** GET /api/tasks/ID. */
export const taskSchema = z
  .strictObject({
    ...taskSummarySchema.shape,
    lines: z.array(z.string()).describe('Its progress, the last lines of it; of a consent none for who may only look.'),
    error: errorSchema.nullable().describe('Why it failed.'),
    result: z
      .union([reportSchema, checkReportSchema, discoverReportSchema, authorizedReport])
      .nullable()
      .describe('What the command of the same name prints with --json; null unless it is done.'),
  })
  .meta({ id: 'Task' });

/** GET /api/tasks/ID, but for the result. */
export type TaskHead = Omit<Shown<typeof taskSchema>, 'result'>;

/** POST /api/tasks. */
export const taskStarted = z.strictObject({ id: z.string() });
