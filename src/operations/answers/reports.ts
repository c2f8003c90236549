/** The reports of runs, as the JSON documents of the commands have them (design §4). */
import * as z from 'zod';
import type { AccountReport, Report } from '../../report/report.ts';
import { nextPage } from './account-status.ts';
import { accountState, byteCountsSchema, count, instant, messageCountsSchema } from './counts.ts';
import { problemSchema } from './problem.ts';
import type { ReadOnly, Shown } from './shown.ts';

/** One account's part of a report. */
export const accountReportSchema = z
  .strictObject({
    id: z.string(),
    group: z.string(),
    state: accountState,
    messages: messageCountsSchema,
    bytes: byteCountsSchema,
    mailboxes: z
      .record(z.string(), count)
      .describe('Messages appended in the run, by mailbox; in a dry run those that would be.'),
    repaired: count,
    rewritten: count,
    problems: z.array(problemSchema),
  })
  .meta({ id: 'AccountReport' }) satisfies z.ZodType<ReadOnly<AccountReport>>;

/** GET /api/reports: a page in the order of the accounts' ids. */
export const reportPageSchema = z.strictObject({ accounts: z.array(accountReportSchema), next: nextPage });

/** GET /api/reports: a page in the order of the accounts' ids. */
export type ReportPage = Shown<typeof reportPageSchema>;

/** The document of `mailhaul verify --json` and of a dry run. */
export const reportSchema = z
  .strictObject({
    version: z.literal(1),
    run: z.strictObject({
      id: z.string(),
      startedAt: instant,
      finishedAt: instant,
      seconds: z.number().min(0),
      sample: z
        .strictObject({
          size: z.string(),
          seed: z.number().int(),
          accounts: z.record(z.string(), z.strictObject({ compared: count, of: count })),
        })
        .exactOptional()
        .describe('Only where the content of a random sample was compared.'),
    }),
    accounts: z.array(accountReportSchema),
    totals: z.strictObject({ accounts: count, messages: messageCountsSchema, bytes: byteCountsSchema }),
  })
  .meta({ id: 'Report' }) satisfies z.ZodType<ReadOnly<Report>>;
