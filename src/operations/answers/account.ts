/** One account: its earlier runs, and the messages that did not arrive. */
import * as z from 'zod';
import { accountState, byteCountsSchema, count, instant, messageCountsSchema } from './counts.ts';

/** One run. */
export const runSchema = z.strictObject({
  id: z.string(),
  number: count,
  state: accountState,
  startedAt: instant,
  finishedAt: instant.nullable(),
  messages: messageCountsSchema,
  bytes: byteCountsSchema,
  repaired: count,
  rewritten: count,
  /** What it met last; empty for nothing. */
  error: z.string(),
});

/** One run. */
export type RunStatus = z.infer<typeof runSchema>;

/** GET /api/accounts/ID/runs: the newest first, the one under way among them. */
export const runsSchema = z.strictObject({ runs: z.array(runSchema) });

/** A message that was refused or could not be had. */
export const undeliveredMessage = z.strictObject({
  /** Its key in the ledger. */
  key: z.string(),
  fate: z.enum(['refused', 'unreadable', 'hidden']),
  code: z.string(),
  text: z.string(),
  remedy: z.string(),
  /** What the server said; empty where none was asked. */
  reply: z.string(),
  tries: count,
  uidl: z.string(),
  size: count,
  date: z.string(),
  messageId: z.string(),
  subject: z.string(),
  at: instant.nullable(),
});

/** A message that was refused or could not be had. */
export type UndeliveredMessage = z.infer<typeof undeliveredMessage>;

/** Query of GET /api/accounts/ID/undelivered. */
export const undeliveredQuery = z.strictObject({
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** GET /api/accounts/ID/undelivered. */
export const undeliveredSchema = z.strictObject({ total: count, messages: z.array(undeliveredMessage) });

/** GET /api/accounts/ID/undelivered. */
export type Undelivered = z.infer<typeof undeliveredSchema>;
