/** What requests to the API may hold. Unknown fields are refused: a misspelt one must not do something else. */
import * as z from 'zod';
import { MailhaulError } from '../ground/errors.ts';
import { accountState, label } from '../operations/answers/counts.ts';

const reason = z.string().max(500);
const ids = z.array(label).min(1).max(10_000);

const selection = { account: ids.optional(), group: label.optional(), all: z.literal(true).optional() };

/** Body of pause, resume, retry and run. */
export const steerBody = z.strictObject({ ...selection, reason: reason.optional() });

/** Body of accept: nobody signs off without saying why. */
export const acceptBody = z.strictObject({ ...selection, reason: reason.min(1) });

/** Query of /api/accounts. */
export const accountsQuery = z.strictObject({
  group: label.optional(),
  state: accountState.optional(),
  underWay: z
    .literal('true')
    .transform(() => true)
    .optional(),
  id: z.union([label, ids]).optional(),
  after: label.optional(),
  limit: z.coerce.number().int().min(1).max(10_000).optional(),
});

/** Query of /api/reports. */
export const reportsQuery = z.strictObject({ ...accountsQuery.omit({ state: true, underWay: true }).shape });

/** Query of /api/audit. */
export const auditQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).optional() });

/** A query that has no fields. */
export const noQuery = z.strictObject({});

/** Body of /api/accounts/import: the text of an account list, by whose name its format is known. */
export const importBody = z.strictObject({
  name: z.string().min(1).max(200),
  text: z.string().min(1),
  prune: z.boolean().optional(),
  /** Absolute: relative `file:` paths of the list begin there, and the accounts belong to the list of that place. */
  folder: z.string().regex(/^\//).max(4096).optional(),
});

/** Body of /api/accounts/remove. */
export const removeBody = z.strictObject({ account: ids });

/** The part of a path that is the id of an account. */
export const idParams = z.strictObject({ id: label });

/** The part of a path that is the id of a task. */
export const taskParams = z.strictObject({ id: z.string().regex(/^[0-9a-f]{1,64}$/) });

/** The value as the schema has it. Throws `request-refused` with every mistake, and none of the values. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: 'body' | 'query' | 'path'): T {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const found = result.error.issues.map((issue) => {
    const place = issue.path.length === 0 ? what : `${what}.${issue.path.join('.')}`;
    return `${place}: ${issue.message.replace(/^Invalid (input|option): /, '')}`;
  });
  throw new MailhaulError('request-refused', { reason: found.slice(0, 10).join('; ') });
}
