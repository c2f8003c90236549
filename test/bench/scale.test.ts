/** `npm run bench -- --quick --scale --dashboard`: that it measures what it says; and its arithmetic. Never how fast that was. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseOptions } from './options.ts';
import type { BenchResult } from './results.ts';
import type { ScaleFigures } from './scale.ts';
import { growthOf } from './scale-table.ts';

const limitMs = 240_000;

it(
  'runs the shipped service for 100 and for 1,000 accounts',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mailhaul-scale-test-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const json = join(directory, 'scale.json');
    const args = ['--import', 'tsx', 'test/bench/main.ts', '--quick', '--scale', '--dashboard', '--json', json];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs - 20_000 });
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray());
    const status = await new Promise((done) => child.once('close', done));
    expect(`${status} ${(await stderr!).join('')}`).toMatch(/^0 (?!.*WRONG)/s);
    const { scale, scenarios, dashboard }: BenchResult = JSON.parse(await readFile(json, 'utf8'));
    expect(scenarios).toEqual([]);
    expect(scale!.map(({ accounts }) => accounts)).toEqual([100, 1000]);
    for (const { problems, idlePercent, redisIdlePercent, ...figures } of scale!) {
      expect(problems).toEqual([]);
      // A short look may see no tick of the clock.
      expect(Math.min(idlePercent, redisIdlePercent)).toBeGreaterThanOrEqual(0);
      expect(Math.min(...Object.values(figures))).toBeGreaterThan(0);
    }
    const [small, large] = scale!;
    // A list in Redis has a sealed password for each side of an account.
    expect(large!.redisListBytes - small!.redisListBytes).toBeGreaterThan(900 * 300);
    expect(large!.redisBytes).toBeGreaterThan(large!.redisListBytes);
    const text = (await stdout!).join('');
    expect(text).toMatch(/^\| GET \/metrics, counted anew \|.*\|$/m);
    expect(dashboard).toMatchObject({ accounts: 500, problems: [] });
    const { latencies, eventsPerSecond, bytesPerSecond } = dashboard!.board;
    expect(Math.min(...latencies.flatMap(({ medianMs, worstMs }) => [medianMs, worstMs]))).toBeGreaterThan(0);
    expect(Math.min(eventsPerSecond, bytesPerSecond)).toBeGreaterThan(0);
    expect(text).toMatch(/^\| events by 20 viewers, during a haul \| ≤ 2 % of a core \|.*\|$/m);
  },
  limitMs,
);

describe('growth', () => {
  const small: ScaleFigures = {
    accounts: 1000,
    importSeconds: 1,
    begunSeconds: 1,
    endedSeconds: 1,
    redisListBytes: 1_000_000,
    redisBytes: 1_000_000,
    rssMB: 100,
    peakRssMB: 100,
    idlePercent: 0.1,
    redisIdlePercent: 0.1,
    pageMs: 10,
    laterPageMs: 10,
    metricsMs: 10,
    problems: [],
  };
  const verdict = (what: string, more: Partial<ScaleFigures>) =>
    growthOf(small, { ...small, accounts: 10_000, ...more }).find((line) => line.what === what)!.verdict;

  it('is linear or better up to as many times as there are more accounts, and a quarter for noise', () => {
    expect(verdict('all runs begun', { begunSeconds: 12.5 })).toBe('linear or better');
    expect(verdict('all runs begun', { begunSeconds: 12.6 })).toBe('WORSE THAN LINEAR');
    expect(verdict('Redis: the list', { redisListBytes: 13_000_000 })).toBe('WORSE THAN LINEAR');
  });

  it('of what is idle is held against a hundredth of a core', () => {
    expect(verdict('processor of the service, idle', { idlePercent: 1 })).toBe('at most 1 %');
    expect(verdict('processor of the service, idle', { idlePercent: 1.1 })).toBe('MORE THAN 1 %');
  });
});

describe('--scale', () => {
  it('measures no scenario unless one is named', () => {
    expect(parseOptions(['--scale'])).toMatchObject({ scale: true, scenarios: [] });
    expect(parseOptions(['--scale', '--scenario', 'big-maildir'])).toMatchObject({ scenarios: ['big-maildir'] });
    expect(parseOptions([])).toMatchObject({ scale: false, scenarios: expect.arrayContaining(['big-maildir']) });
  });
});
