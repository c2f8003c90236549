/** What something failed with. */
import { inspect } from 'node:util';
import { expect } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';

/** The error of work that must fail by the table, and show no password of the tests. */
export async function failure(work: Promise<unknown>): Promise<MailhaulError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MailhaulError);
  expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('hunter2');
  return error as MailhaulError;
}
