/** Counts and states as answers of the API have them. */
import * as z from 'zod';
import { longestLabel } from '../../accounts/account.ts';
import type { RunState } from '../../ledger/run.ts';
import type { ByteCounts, MessageCounts } from '../../report/report.ts';

/** The id of an account or the name of a group. */
export const label = z.string().min(1).max(longestLabel);

/** A whole number, 0 or more. */
export const count = z.number().int().min(0);

/** ISO 8601 in UTC. */
export const instant = z.iso.datetime().meta({ id: 'Instant', description: 'ISO 8601 in UTC.' });

/** How an account stands (design §4). */
export const accountState = z.enum([
  'queued',
  'running',
  'waiting',
  'paused',
  'complete',
  'incomplete',
  'failed',
] as const satisfies readonly RunState[]);

/** How the messages stand; listed is the sum of the others. */
export const messageCountsSchema = z
  .strictObject({
    listed: count,
    known: count,
    appended: count,
    duplicate: count,
    refused: count,
    failed: count,
    vanished: count,
    pending: count,
  })
  .meta({
    id: 'MessageCounts',
    description: 'Messages by how they stand; listed is the sum of the others.',
  }) satisfies z.ZodType<MessageCounts>;

/** Bytes of messages at the source. */
export const byteCountsSchema = z
  .strictObject({
    listed: count,
    downloaded: count,
    appended: count,
  })
  .meta({ id: 'ByteCounts', description: 'Bytes of messages at the source.' }) satisfies z.ZodType<ByteCounts>;

/** Accounts by their states; every state is there. */
export const stateCounts = z.record(accountState, count);
