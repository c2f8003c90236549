import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { AnswerCutter, messageOf } from './ceiling.ts';
import { MeasuredProcess, peaksOf } from './measured-process.ts';
import { parseOptions } from './options.ts';
import { keyGroup } from './redis-memory.ts';
import type { RunResult, ScenarioResult } from './results.ts';
import type { RowName } from './rows.ts';
import { scenarios } from './scenarios.ts';
import { median, pairRatio } from './statistics.ts';
import { budgetLines, tablesOf, wallsOf } from './tables.ts';
import { compareContents } from './verify-copy.ts';

describe('the arithmetic', () => {
  it('finds the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([10, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('compares each run with its partner', () => {
    // The ratio of the medians would be 2.
    expect(pairRatio([2, 40, 9], [1, 10, 3])).toBe(3);
    expect(pairRatio([8], [1, 2, 4])).toBe(4);
    expect(pairRatio([], [1])).toBeUndefined();
  });
});

function run(row: RowName, wallSeconds: number, more: Partial<RunResult> = {}): RunResult {
  const times = { status: 0, wallSeconds, userSeconds: 1, systemSeconds: 1, processes: [], problems: [] };
  const sizes = { peakRssMB: 100, redisPeakRssMB: 10, messages: 10, bytes: 1000, source: 10, destination: 10 };
  return { row, number: 1, ...times, ...sizes, ...more };
}

describe('the tables', () => {
  const scenario: ScenarioResult = {
    name: 'big-maildir',
    title: 'mail',
    messages: 100,
    bytes: 1e6,
    runs: [run('ceiling', 1), run('mailhaul', 1.5), run('ceiling', 2), run('mailhaul', 2), run('loop', 0.6)],
    loopFactor: 10,
    skipped: { 'mailhaul-split': 'not there' },
  };

  it('scale the loop, and nothing else', () => {
    expect(wallsOf(scenario, 'loop')).toEqual([6]);
    expect(wallsOf(scenario, 'mailhaul')).toEqual([1.5, 2]);
  });

  it('hold the figures against the design', () => {
    const redis = {
      ledgerBytes: 4000,
      indexBytes: 2500,
      queueBytes: 0,
      restBytes: 0,
      keys: 3,
      usedBytes: 0,
      peakBytes: 0,
      cpuSeconds: 1,
    };
    const runs = [...scenario.runs, run('mailhaul-redis', 2, { redis })];
    expect(budgetLines({ ...scenario, runs })).toEqual([
      { what: 'mailhaul ÷ ceiling', budget: '≤ 1.25 ×', measured: 1.25, met: true },
      { what: 'loop ÷ mailhaul', budget: '≥ 3 ×', measured: 6 / 1.75, met: true },
      { what: 'ledger bytes a message', budget: '≤ 48 B', measured: 40, met: true },
      { what: 'index bytes a message', budget: '≤ 24 B', measured: 25, met: false },
    ]);
  });

  it('say what is missing', () => {
    const machine = { cpus: [], memoryMB: 1, kernel: '', node: '' };
    const rest = { version: 1, startedAt: '', pairs: 2, machine } as const;
    const text = tablesOf({ ...rest, extent: 'quick', scenarios: [scenario] });
    expect(text).toContain('the figures mean nothing');
    expect(text).toContain('mailhaul-split was left out: not there.');
    expect(text).toMatch(/^\| loop \| 1 \| 6\.00 /m);
  });
});

describe('the ceiling', () => {
  const messages = ['a\r\n', '.\r\n..x\r\n', '', '\r\n.\r\n', 'From x\r\n\r\nlast line\r\n'].map((text) =>
    Buffer.from(text),
  );
  const answers = messages.map((bytes) => {
    const stuffed = bytes.toString('latin1').replace(/^\./gm, '..');
    return `+OK ${bytes.length} octets\r\n${stuffed}.\r\n`;
  });
  const stream = Buffer.from(answers.join(''));

  it('takes the same messages from a stream, wherever it is cut', () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      for (const size of [1, 2, 3, stream.length]) {
        const taken: Buffer[] = [];
        const cutter = new AnswerCutter((answer) => taken.push(messageOf(answer)));
        cutter.push(stream.subarray(0, cut));
        for (let at = cut; at < stream.length; at += size) cutter.push(stream.subarray(at, at + size));
        expect(taken).toEqual(messages);
      }
    }
  });

  it('fails where the server refuses', () => {
    expect(() => messageOf(Buffer.from('-ERR no such message\r\n.\r\n'))).toThrow('no such message');
  });
});

describe('a measured command', () => {
  const made: string[] = [];
  afterEach(async () => {
    for (const path of made.splice(0)) await rm(path, { recursive: true });
  });
  const measure = async (script: string) => {
    const directory = await mkdtemp(join(tmpdir(), 'mailhaul-measured-'));
    made.push(directory);
    const options = { directory, limitMs: 30_000, env: process.env };
    return MeasuredProcess.start([process.execPath, '--expose-gc', '-e', script], options);
  };

  it('costs what it and its children cost', async () => {
    const burn = 'while (process.cpuUsage().user + process.cpuUsage().system < 400_000);';
    const child = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(burn)}])`;
    const measured = await (await measure(`${child};${burn}console.log('out');console.error('err')`)).ended;
    expect(measured).toMatchObject({ status: 0, stdout: 'out\n', stderr: 'err\n' });
    expect(measured.userSeconds + measured.systemSeconds).toBeGreaterThan(0.75);
    expect(measured.wallSeconds).toBeGreaterThan(0.75);
  });

  it.skipIf(process.platform !== 'linux')('has the peak of its memory, not its last', async () => {
    const script = `
      let held = Buffer.alloc(300e6, 1);
      setTimeout(() => { held = undefined; gc(); }, 200);
      setTimeout(() => {}, 600);
    `;
    const { processes } = await (await measure(script)).ended;
    expect(processes).toHaveLength(1);
    expect(peaksOf(processes).programMB).toBeGreaterThan(300);
  });

  it('gets signals itself, and its status is passed on', async () => {
    const script = "process.once('SIGTERM', () => process.exit(7)); console.log('up'); setInterval(() => {}, 1000)";
    const command = await measure(script);
    const sending = setInterval(() => command.signal('SIGTERM'), 300);
    const ended = await command.ended.finally(() => clearInterval(sending));
    // Sent before the program has a handler, the signal ends it.
    expect([7, 143]).toContain(ended.status);
  });

  it('is not confused with the Redis that it starts', () => {
    const processes = [
      { pid: 1, name: 'node', peakRssMB: 80 },
      { pid: 2, name: 'redis-server', peakRssMB: 10 },
      { pid: 4, name: 'redis-server', peakRssMB: 9 },
      { pid: 3, name: 'node', peakRssMB: 70 },
    ];
    expect(peaksOf(processes)).toEqual({ programMB: 150, redisMB: 10 });
  });
});

describe('the comparison of both ends', () => {
  it('counts what is exact, missing and too much', () => {
    const source = new Map([
      ['a', 1],
      ['b', 2],
      ['c', 1],
    ]);
    const destination = new Map([
      ['a', 2],
      ['b', 1],
      ['x', 1],
    ]);
    expect(compareContents(source, destination)).toEqual({ exact: 2, missing: 2, extra: 2 });
    expect(compareContents(source, source)).toEqual({ exact: 4, missing: 0, extra: 0 });
  });
});

describe('the keys of Redis', () => {
  it.each([
    ['mh:{ab}:ledger', 'ledger'],
    ['mh:{ab}:ledger:3', 'ledger'],
    ['mh:{cd}:index:INBOX', 'index'],
    ['mh:{cd}:index:INBOX:1:0', 'index'],
    ['mh-queue:append:7', 'queue'],
    ['mh:{ab}:run', 'rest'],
    ['mh:spool-served:x', 'rest'],
  ])('%s belongs to %s', (key, group) => expect(keyGroup(key)).toBe(group));
});

describe('the options', () => {
  it('have defaults', () => {
    expect(parseOptions([])).toMatchObject({ extent: 'full', pairs: 5, keep: undefined, json: undefined });
    expect(parseOptions(['--quick'])).toMatchObject({ extent: 'quick', pairs: 1 });
    expect(parseOptions(['--help'])).toBe('help');
    const all = { scenarios: Object.keys(scenarios), again: true, start: true };
    expect(parseOptions([])).toMatchObject({ ...all, fairness: false });
    expect(parseOptions(['--fairness'])).toMatchObject({ scenarios: [], again: false, fairness: true });
    expect(parseOptions(['--scenario', 'big-mdbox'])).toMatchObject({ again: false });
  });

  it('choose', () => {
    const chosen = parseOptions(['--scenario', 'big-mdbox', '--scenario', 'small-maildir', '--pairs', '2']);
    expect(chosen).toMatchObject({ scenarios: ['big-mdbox', 'small-maildir'], pairs: 2 });
  });

  it.each([['--scenario', 'none'], ['--pairs', '0'], ['--pairs', 'x'], ['--nonsense']])(
    'are refused: %s %s',
    (...args) => expect(() => parseOptions(args.filter((arg) => arg !== undefined))).toThrow(TypeError),
  );
});
