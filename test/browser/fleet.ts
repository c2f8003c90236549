/** Ten thousand accounts as a service has them in the middle of a migration, written by the ledger's own functions. */
import type { Account } from '../../src/accounts/account.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import type { RedisClient } from '../../src/ground/redis.ts';
import { noteProblem, problemOf } from '../../src/ledger/problems.ts';
import { type Run, startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { accountOf } from '../dashboard/dashboard-rig.ts';

/** Runs that are written at once. */
const atOnce = 500;

const names = ['ada', 'ben', 'cleo', 'dan', 'eve', 'finn', 'gina', 'hugo', 'ines', 'jan'];
const groupSize = 500;

/** When the first run of the fleet began: runs that are written in one go differ by a second each. */
const beganAt = Date.parse('2026-03-02T20:00:00Z');

/** How the run of an account is: every hundredth failed, and others wait, go on or lack something. */
type Fate = 'complete' | 'failed' | 'incomplete' | 'running' | 'waiting' | 'none';

/** So many accounts, in groups of 500 that have hosts of their own: `ada.00000`, `ben.00001`, … */
export function fleet(count: number): Account[] {
  return Array.from({ length: count }, (_, at) =>
    accountOf(`${names[at % names.length]}.${String(at).padStart(5, '0')}`, `wave-${Math.floor(at / groupSize) + 1}`),
  );
}

/** Writes a run for most accounts of a fleet. */
export async function writeRuns(redis: RedisClient, accounts: readonly Account[]): Promise<void> {
  for (let from = 0; from < accounts.length; from += atOnce) {
    const part = accounts.slice(from, from + atOnce);
    await Promise.all(part.map((account, at) => writeRun(redis, account, from + at)));
  }
}

/** What becomes of the account at this place in the fleet. */
export function fateAt(at: number): Fate {
  if (at % 100 === 17) return 'failed';
  if (at % 100 === 42) return 'incomplete';
  if (at % 50 === 8) return 'running';
  if (at % 50 === 9) return 'waiting';
  return at % 10 === 3 ? 'none' : 'complete';
}

async function writeRun(redis: RedisClient, { key, source }: Account, at: number): Promise<void> {
  const fate = fateAt(at);
  if (fate === 'none') return;
  const [id, startedAt] = [`run-${at}`, beganAt + at * 1000];
  await startRun(redis, key, id, startedAt, false);
  if (fate === 'failed') {
    const details = { host: source.host, user: source.user, reply: 'Authentication failed' };
    const error = new MailhaulError('credentials-refused', details);
    await updateRun(redis, key, id, { download: 'failed', error: error.message });
    await noteProblem(redis, key, problemOf(error));
  } else {
    await updateRun(redis, key, id, progress(fate, at));
  }
  if (fate !== 'running' && fate !== 'waiting') await finishRunIfDone(redis, key, id, startedAt + 90_000);
}

/** Counts that add up; a run under way has half its mail. */
function progress(fate: Fate, at: number): Partial<Record<keyof Run, string | number>> {
  const listed = 20 + (at % 977);
  const appended = fate === 'complete' ? listed : Math.floor(listed / 2);
  const bytes = { bytesListed: listed * 8192, downloaded: appended * 8192, bytesAppended: appended * 8192 };
  const state = fate === 'running' || fate === 'waiting' ? { state: fate } : {};
  const download = fate === 'running' || fate === 'waiting' ? 'active' : 'done';
  return { listed, appended, ...bytes, ...state, download };
}
