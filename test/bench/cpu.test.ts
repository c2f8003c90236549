/** Where processor time goes: what a profile is made into, and what belongs to whom. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { XMLValidator } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CpuFigures, cpuBudgetLine, cpuFigures, inTheMiddle } from './cpu.ts';
import { beside, type Frame, placeOf, readProfile } from './cpu-profile.ts';
import { type Kind, kindOf, kinds, sharesOf } from './cpu-shares.ts';
import { cpuText } from './cpu-table.ts';
import { flameGraph } from './flame-graph.ts';
import type { RunResult, ScenarioResult } from './results.ts';

function frame(name: string, place: string, self: number, ...children: Frame[]): Frame {
  return { name, place, self, total: children.reduce((sum, child) => sum + child.total, self), children };
}

/** 1 s: Redis is written to by the ledger and read by ioredis, and hashes belong to who asked for them. */
const profile = frame(
  '(root)',
  '',
  0,
  frame('(garbage collector)', '', 100_000),
  frame('processTicksAndRejections', 'node:internal/process/task_queues', 50_000),
  frame('onData', 'src/pop3/client.ts', 200_000, frame('update', 'node:internal/crypto/hash', 150_000)),
  frame('settle', 'src/ledger/settle.ts', 30_000, frame('sendCommand', 'ioredis', 10_000, frame('writev', '', 60_000))),
  frame('load', 'dist/cli.js', 10_000, frame('(anonymous)', 'bullmq', 90_000)),
  frame('a<b>&"c"', 'src/append/appender.ts', 299_000, frame('tiny', 'src/append/pace.ts', 1000)),
);

describe('the kinds of work', () => {
  it.each<[string, Kind | undefined]>([
    ['src/pop3/framing.ts', 'transport, pop3'],
    ['src/spool/batch-writer.ts', 'spool'],
    ['imapflow', 'imap, append'],
    ['src/message/header.ts', 'message'],
    ['src/ledger/settle.ts', 'ledger, index, queues'],
    ['src/ground/redis-script.ts', 'ledger, index, queues'],
    ['src/ground/redaction.ts', 'rest'],
    ['workers/pop.ts', 'ledger, index, queues'],
    ['@ioredis/commands', 'ledger, index, queues'],
    ['dist/chunk-ABC.js', 'start'],
    ['node:internal/modules/esm/loader', 'start'],
    ['node:net', undefined],
    ['', undefined],
    ['zod', 'rest'],
  ])('%s is %s', (place, kind) => expect(kindOf(place)).toBe(kind));

  it('share the time by the innermost function that is ours or a package', () => {
    const shares = sharesOf(profile);
    expect(shares).toMatchObject({
      'garbage collection': 100_000,
      rest: 50_000,
      'transport, pop3': 350_000,
      'ledger, index, queues': 100_000,
      start: 100_000,
      'imap, append': 300_000,
    });
    expect(kinds.reduce((sum, kind) => sum + shares[kind], 0)).toBe(profile.total);
  });

  it('names packages, and our files by their path', () => {
    expect(placeOf('../../../src/pop3/client.ts')).toBe('src/pop3/client.ts');
    expect(placeOf('../../../node_modules/@a/b/dist/c.js')).toBe('@a/b');
    expect(placeOf('../../../node_modules/a/node_modules/b/c.js')).toBe('b');
  });
});

describe('the budget of queue and ledger', () => {
  const run = (redis: number) =>
    ({
      row: 'mailhaul-profiled',
      messages: 1000,
      userSeconds: 3.5,
      systemSeconds: 0.5 + redis,
      processes: [
        { pid: 1, name: 'node', peakRssMB: 1, cpuSeconds: 4 + redis },
        { pid: 2, name: 'redis-server', peakRssMB: 1, cpuSeconds: redis },
      ],
    }) as RunResult;
  const figures = (redis: number, shares: Record<Kind, number>) => {
    const plain = { ...run(redis), row: 'mailhaul' } as RunResult;
    return cpuFigures({ name: 'big-maildir', runs: [plain] } as unknown as ScenarioResult, run(redis), shares);
  };

  it('is held by both, and by Redis, together', () => {
    // A tenth of a second, and 1 s of Redis: 1.1 of 5 s.
    const cpu = figures(1, sharesOf(profile));
    expect(cpu).toMatchObject({ programSeconds: 4, redisSeconds: 1, userMsPerMessage: 3.5 });
    expect(cpu.queueShare).toBeCloseTo(0.22);
    expect(cpuBudgetLine(cpu)).toMatchObject({ budget: '< 10 %', met: false });
    expect(cpuText(cpu, 'full')).toContain('| 22.0 % | NOT MET |');
    // The samples of 10 s in which the process had 4 s of the processor: 0.4 s of them, and Redis.
    const slow = Object.fromEntries(kinds.map((kind) => [kind, sharesOf(profile)[kind] * 10])) as Record<Kind, number>;
    expect(figures(1, slow).queueShare).toBeCloseTo(0.28);
    expect(cpuBudgetLine(figures(0.1, { ...sharesOf(profile), 'ledger, index, queues': 50_000 })).met).toBe(true);
  });
});

describe('of several profiled runs', () => {
  const ran = (...shares: number[]) => shares.map((queueShare) => ({ figures: { queueShare } as CpuFigures }));

  it('the one with the median share counts, and all are told', () => {
    const { figures } = inTheMiddle(ran(0.12, 0.08, 0.09));
    expect(figures).toMatchObject({ queueShare: 0.09, queueShares: [0.08, 0.09, 0.12] });
    expect(inTheMiddle(ran(0.12, 0.08)).figures.queueShare).toBe(0.12);
  });
});

describe('the flame graph', () => {
  it('is a picture by itself, with what is wide enough, and nothing in it is markup but its own', () => {
    const svg = flameGraph(profile, 'one <second>');
    expect(XMLValidator.validate(svg)).toBe(true);
    expect(svg).toContain('one &lt;second&gt;');
    expect(svg).toContain('<title>a&lt;b&gt;&amp;&quot;c&quot; · src/append/appender.ts: 30.0 %, 300 ms</title>');
    expect(svg).not.toContain('tiny');
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(svg).toContain('<title>all: 100.0 %, 1000 ms</title>');
    expect(svg).toContain('loading the program');
  });
});

describe('a profile', () => {
  it('leaves idle time out, and time in which the process did not have the processor', () => {
    const node = (id: number, functionName: string, children: number[] = []) => {
      return { id, callFrame: { functionName, url: '', lineNumber: -1, columnNumber: -1 }, children };
    };
    const nodes = [node(1, '(root)', [2, 3, 4]), node(2, '(idle)'), node(3, 'work'), node(4, 'waits')];
    const samples = [2, 3, 3, 3, 4, 2];
    const text = JSON.stringify({ nodes, samples, timeDeltas: [9000, 500, 500, 500, 70_000, 500] });
    const { total, children } = readProfile(text, '.');
    expect(children.map(({ name, self }) => [name, self])).toEqual([
      ['work', 1500],
      ['waits', 1000],
    ]);
    expect(total).toBe(2500);
  });
});

describe('profiles of several threads', () => {
  it('count together, and stay apart', () => {
    const other = frame('(root)', '', 0, frame('onData', 'src/pop3/client.ts', 1_000_000));
    const both = beside([profile, other]);
    expect(both).toMatchObject({ total: 2_000_000, self: 0, children: [profile, other] });
    expect(sharesOf(both)['transport, pop3']).toBe(sharesOf(profile)['transport, pop3'] + 1_000_000);
    expect(beside([profile])).toBe(profile);
  });
});

describe('a profile of the built program', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mailhaul-profile-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('is read back to sources and packages', async () => {
    const flags = ['--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=100'];
    await promisify(execFile)(process.execPath, [...flags, resolve('dist/src/cli.js'), 'sync', '--help']);
    const [name = ''] = await readdir(directory);
    const root = readProfile(await readFile(join(directory, name), 'utf8'), resolve('.'));
    const places = new Set<string>();
    const walk = (one: Frame) => {
      places.add(one.place);
      for (const child of one.children) walk(child);
    };
    walk(root);
    expect([...places]).toEqual(expect.arrayContaining(['zod', 'src/cli.ts', 'commander']));
    const shares = sharesOf(root);
    expect(shares.start).toBeGreaterThan(shares['transport, pop3']);
  });
});
