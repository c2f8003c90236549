/** Whether an account goes on by itself, or a person must act first: for the dashboard and for notifications alike. Pure. */
import { type ErrorCode, errorRow } from '../ground/errors.ts';
import type { Run } from '../ledger/run.ts';

/** What of a run tells it. */
export type PersonsRun = Pick<Run, 'state' | 'finishedAt' | 'refused' | 'refusedBefore'>;

/**
 * Tried again by the next run, in case somebody has acted meanwhile, and never mended by time alone: a secret, a consent,
 * room, or a word with whoever keeps the server.
 */
const mendedByPersons: ReadonlySet<ErrorCode> = new Set([
  'secret-missing',
  'oauth-consent-needed',
  'oauth-consent-revoked',
  'oauth-client-refused',
  'oauth-key-unusable',
  'oauth-unusable',
  'seal-broken',
  'connection-file',
  'login-cut',
  'mailbox-full',
  'mailbox-refused',
  'refusals-in-a-row',
]);

/** True for an error that stays until a person acts. What stops nothing never is one. */
export function isForPerson(code: ErrorCode): boolean {
  const { stops, retry } = errorRow(code);
  return stops !== 'none' && (retry === 'never' || mendedByPersons.has(code));
}

/**
 * True when a person must act before the account goes on: its run has ended without being complete, or waits, because
 * of an error that stays; messages are refused that nobody has accepted; or it has failed and its schedule has no
 * further run (`runsAgain` false). `codes` are those of the problems of the run. A pause is a person's own doing.
 */
export function needsPerson(run: PersonsRun | undefined, codes: readonly ErrorCode[], runsAgain = true): boolean {
  if (!run || run.state === 'complete') return false;
  if (run.finishedAt === 0) return run.state === 'waiting' && codes.some(waitsForPerson);
  return run.refused + run.refusedBefore > 0 || !runsAgain || codes.some(isForPerson);
}

/** A refused message is no reason for a wait, and what stopped an earlier session of the run need not stop this one. */
function waitsForPerson(code: ErrorCode): boolean {
  return errorRow(code).stops === 'account' && isForPerson(code);
}
