/** What came of steering, of changes of the account list, and the log of both. */
import * as z from 'zod';
import { count, instant } from './counts.ts';
import type { Shown } from './shown.ts';

/** POST /api/pause, resume, retry, run and accept. */
export const steeredSchema = z.strictObject({
  accounts: count.describe('Accounts that were meant.'),
  text: z.string().describe('What was done, in words.'),
  stillPaused: z.array(z.string()).describe('Ids of accounts that another pause still holds: the first few.'),
  stillPausedCount: count.describe('How many another pause still holds.'),
});

/** POST /api/pause, resume, retry, run and accept. */
export type Steered = Shown<typeof steeredSchema>;

const ids = z.array(z.string());

/** POST /api/accounts/import. */
export const importedSchema = z.strictObject({
  added: ids,
  changed: ids.describe('The same account with another password, port, group …; it applies from the next session on.'),
  removed: ids.describe('Pruned, or replaced by an account of that id with another host or user.'),
  unchanged: count,
  text: z.string(),
});

/** POST /api/accounts/remove. */
export const removedSchema = z.strictObject({ removed: ids, unknown: ids, text: z.string() });

/** One deed in the audit log. */
export const auditEntrySchema = z.strictObject({
  at: instant,
  by: z.string().describe('Who: the user as its client names itself, and the address it came from.'),
  action: z.string().describe('pause, resume, retry, run, accept, import, remove and the like.'),
  scope: z.string().describe('What it was about: ids, a group or all.'),
  reason: z.string().describe('Why, where somebody said so.'),
  result: z.string().describe('What came of it, or the code of the error.'),
});

/** One deed in the audit log. */
export type AuditEntry = Shown<typeof auditEntrySchema>;

/** GET /api/audit: newest first. */
export const auditSchema = z.strictObject({ entries: z.array(auditEntrySchema) });
