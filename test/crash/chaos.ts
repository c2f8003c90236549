/** `npm run chaos -- --kills N --seed S`: kills everything again and again, and tells what became of the mail. */
import { parseArgs } from 'node:util';
import { runChaos } from './chaos-run.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const [kills, seed] = [Number(values.kills), Number(values.seed)];
if (!Number.isInteger(kills) || kills < 1 || !Number.isInteger(seed)) {
  throw new TypeError('--kills is a number from 1, --seed a whole number');
}
const every = Math.max(1, Math.round(kills / 20));
const verdict = await runChaos({
  kills,
  seed,
  onKill: (number, victim) => {
    if (number % every === 0) process.stderr.write(`${number} of ${kills} kills, the last one: ${victim}\n`);
  },
});
process.stdout.write(`${JSON.stringify(verdict)}\n`);
process.exitCode = verdict.passed ? 0 : 1;
