/** A short run of chaos; `npm run chaos` makes longer ones. */
import { expect, test } from 'vitest';
import { runChaos } from './chaos-run.ts';

const seed = Number(process.env['MAILHAUL_TEST_SEED'] ?? Date.now() % 1_000_000);

test(`a dozen kills at moments of seed ${seed}: nothing is lost, doubled or altered`, async () => {
  const verdict = await runChaos({ kills: 12, seed });
  expect(verdict).toMatchObject({ lost: 0, doubled: 0, altered: 0, returned: 0, gone: 0, appendedAgain: 0 });
  expect(verdict).toMatchObject({ kills: 12, status: 0, passed: true });
  expect(verdict.delivered).toBeGreaterThan(90);
}, 180_000);
