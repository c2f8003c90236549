/** The whole service at a glance, the hosts that it talks to, and what it carried lately. */
import * as z from 'zod';
import { byteCountsSchema, count, instant, messageCountsSchema, stateCounts } from './counts.ts';

/** A pause that holds everything, a group or an account. */
export const pauseSchema = z
  .strictObject({
    /** `all`, `group NAME` or `account`. */
    scope: z.string(),
    by: z.string(),
    reason: z.string(),
    at: instant,
  })
  .meta({ id: 'Pause' });

/** GET /api/overview, and the event `overview`. */
export const overviewSchema = z.strictObject({
  version: z.literal(1),
  at: instant,
  /** False while a part of the service is missing: Redis, a worker of either kind, or the scheduler. */
  ready: z.boolean(),
  processes: z.array(z.strictObject({ host: z.string(), pid: count, roles: z.array(z.string()), spoolBytes: count })),
  spoolBytes: count,
  accounts: stateCounts,
  /** All accounts, those that are switched off included. */
  total: count,
  /** Accounts that will not go on by themselves: a person must act. */
  needPerson: count,
  /** Runs that have not ended. */
  openRuns: count,
  /** Of the last runs. */
  messages: messageCountsSchema,
  bytes: byteCountsSchema,
  /** What is appended a second now, over the last seconds. */
  rate: z.strictObject({ messages: z.number().min(0), bytes: z.number().min(0) }),
  /** Until all open runs are done at that rate; null when nothing moves or nothing is left. */
  etaSeconds: z.number().min(0).nullable(),
  /** Pauses of everything and of groups. */
  pauses: z.array(pauseSchema),
  groups: z.array(z.string()),
});

/** GET /api/overview. */
export type Overview = z.infer<typeof overviewSchema>;

/** One host, as source or destination of accounts. */
export const hostSchema = z.strictObject({
  host: z.string(),
  /** Accounts that have it as source, and as destination. */
  sources: count,
  destinations: count,
  /** Connections now; those that are allowed now and by the settings, 0 for no limit. */
  connections: count,
  allowed: count,
  limit: count,
  /** Logins that wait for a connection. */
  waiting: count,
  /** When the host, being spared, is given one connection more; null unless it is spared. */
  waitingUntil: instant.nullable(),
  because: z.string(),
  /** Accounts that wait for this host, and until when the first of them does. */
  waits: count,
  nextAt: instant.nullable(),
  /** The limits that the settings or its profile give it, by the names of `budgets`; 0 and missing are no limit. */
  budget: z.record(z.string(), z.number()),
  /** Since the accounts are known. */
  appended: count,
  downloadedBytes: count,
  uploadedBytes: count,
  /** Sessions that ended with an error, by its code. */
  failures: z.record(z.string(), count),
});

/** One host. */
export type HostStatus = z.infer<typeof hostSchema>;

/** GET /api/hosts: those that are busiest first. */
export const hostsSchema = z.strictObject({ hosts: z.array(hostSchema) });

/** Query of GET /api/throughput. */
export const throughputQuery = z.strictObject({
  /** Only steps that began then or later; left out, all that are kept. */
  since: instant.optional(),
});

/** GET /api/throughput: what was appended in each step of time; steps in which nobody looked are missing. */
export const throughputSchema = z.strictObject({
  stepMs: count,
  samples: z.array(z.strictObject({ at: instant, messages: count, bytes: count })),
});

/** GET /api/throughput. */
export type Throughput = z.infer<typeof throughputSchema>;
