/** Errors and problems as answers have them. */
import * as z from 'zod';
import { type ErrorCode, errorRows } from '../../ground/errors.ts';
import type { Problem } from '../../ledger/problems.ts';
import { count } from './counts.ts';

/** A code of docs/errors.md. */
export const errorCode = z
  .enum(errorRows.map(({ code }) => code) as [ErrorCode, ...ErrorCode[]])
  .meta({ id: 'ErrorCode', description: 'A code of docs/errors.md. Later versions may add some.' });

/** What is answered where something cannot be done. */
export const errorSchema = z
  .strictObject({
    code: errorCode,
    text: z.string().describe('What is wrong, with names and numbers.'),
    remedy: z.string().describe('What to do about it.'),
  })
  .meta({ id: 'Error' });

/** One kind of problem of one account (design §4). */
export const problemSchema = z
  .strictObject({
    code: errorCode,
    stops: z.enum(['none', 'message', 'account', 'host', 'run']).describe('How far its damage goes.'),
    count: count.describe('Messages where it stops messages, else times.'),
    text: z.string(),
    remedy: z.string(),
  })
  .meta({ id: 'Problem' }) satisfies z.ZodType<Problem>;
