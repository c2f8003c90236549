/** The report of a check, as `mailhaul check --json` prints it. */
import * as z from 'zod';
import type { CheckReport } from '../../report/check-report.ts';
import { count } from './counts.ts';
import { problemSchema } from './problem.ts';
import { accountReportSchema, reportSchema } from './reports.ts';
import type { ReadOnly } from './shown.ts';

const tls = z.strictObject({
  protocol: z.string(),
  name: z.string(),
  issuer: z.string(),
  endsAt: z.string(),
  daysLeft: z.number().int(),
});

/** What every side has; null where it was not found out. */
const side = {
  host: z.string(),
  port: count,
  security: z.string(),
  tls: tls.nullable(),
  capabilities: z.array(z.string()).nullable(),
};

const estimate = z.strictObject({ seconds: z.number().min(0), days: z.number().min(0) });

const accountCheck = z.strictObject({
  incoming: z.strictObject({ messages: count, bytes: count }).nullable(),
  source: z.strictObject({ ...side, uniqueIds: z.enum(['good', 'shared', 'missing']).nullable() }),
  destination: z.strictObject({
    ...side,
    messages: count.nullable(),
    appendLimitBytes: count.nullable(),
    quota: z.strictObject({ usedBytes: count, limitBytes: count }).nullable(),
  }),
  estimate: estimate.nullable(),
});

/** The document of `mailhaul check --json`. */
export const checkReportSchema = z
  .strictObject({
    ...reportSchema.shape,
    accounts: z.array(z.strictObject({ ...accountReportSchema.shape, check: accountCheck })),
    problems: z.array(problemSchema).describe('What is wrong with the account list itself; none of stored accounts.'),
    causes: z
      .array(z.strictObject({ ...problemSchema.shape, accounts: z.array(z.string()) }))
      .describe('All problems of all accounts, those that stop most first.'),
    estimate: z.strictObject({ ...estimate.shape, because: z.array(z.string()) }),
    notes: z.array(z.string()).describe('What no check can find out.'),
  })
  .meta({ id: 'CheckReport' }) satisfies z.ZodType<ReadOnly<CheckReport>>;
