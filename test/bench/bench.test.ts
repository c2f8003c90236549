/** The whole benchmark with little mail: that it measures what it says, and never how fast that was. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kinds } from './cpu-shares.ts';
import { isPeer } from './peers.ts';
import { type BenchResult, runsOf } from './results.ts';
import type { RowName } from './rows.ts';
import { type Scenario, scenarios } from './scenarios.ts';

const limitMs = 420_000;
const rows: RowName[] = ['ceiling', 'mailhaul', 'mailhaul-split', 'mailhaul-redis', 'loop'];
let directory: string;
let result: BenchResult;
let printed: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mailhaul-bench-test-'));
  const json = join(directory, 'bench.json');
  const args = ['--import', 'tsx', 'test/bench/main.ts', '--quick', '--json', json];
  // All that a plain benchmark measures, and fairness.
  args.push('--again', '--start', '--fairness', ...Object.keys(scenarios).flatMap((name) => ['--scenario', name]));
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs - 20_000 });
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray());
  const status = await new Promise((done) => child.once('close', done));
  printed = (await stdout!).join('');
  expect(`${status} ${(await stderr!).join('')}`).toMatch(/^0 (?!.*WRONG)/s);
  result = JSON.parse(await readFile(json, 'utf8'));
}, limitMs);

afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the quick benchmark', () => {
  it('runs every scenario', () => {
    expect(result).toMatchObject({ version: 1, extent: 'quick', pairs: 1 });
    expect(result.scenarios.map(({ name }) => name)).toEqual(Object.keys(scenarios));
    expect(Date.parse(result.startedAt)).not.toBeNaN();
  });

  it.each(Object.keys(scenarios))('runs every program, and all mail arrives (%s)', (name) => {
    const scenario = result.scenarios.find((one) => one.name === name)!;
    for (const row of rows) {
      if (scenario.skipped[row] !== undefined) continue;
      const runs = runsOf(scenario, row);
      expect(runs).toHaveLength(1);
      const [run] = runs;
      const messages = row === 'loop' ? scenario.messages / scenario.loopFactor : scenario.messages;
      expect(run).toMatchObject({ status: 0, problems: [], messages, source: messages, destination: messages });
      for (const figure of [run!.wallSeconds, run!.userSeconds]) expect(figure).toBeGreaterThan(0);
      // A short one may be told to have taken none: the kernel counts in hundredths.
      expect(run!.systemSeconds).toBeGreaterThanOrEqual(0);
      // The loop is there to show what it does to mail.
      if (row !== 'loop') expect(run!.compared).toEqual({ exact: messages, missing: 0, extra: 0 });
    }
  });

  it('leaves out a row only where the program has no roles, or a peer is not there', () => {
    for (const { skipped } of result.scenarios) {
      const ours = Object.keys(skipped).filter((row) => !isPeer(row));
      expect(ours.filter((row) => row !== 'mailhaul-split')).toEqual([]);
      const reasons = Object.entries(skipped).filter(([row]) => isPeer(row));
      for (const [, why] of reasons) expect(why).toMatch(/is not installed$|^give --pop2imap PATH$/);
    }
  });

  it('has every peer that is there bring all mail or says what it left, and how much of it is as it was', () => {
    const scenario = result.scenarios.find(({ name }) => name === 'big-maildir')!;
    const runs = scenario.runs.filter(({ row }) => isPeer(row));
    // dsync is a part of Dovecot.
    expect(runs.map(({ row }) => row)).toEqual(expect.arrayContaining(['dsync', 'dsync-imapc']));
    for (const { remarks, messages, source, destination, version, compared, row } of runs) {
      expect({ row, source }).toEqual({ row, source: messages });
      // Programs of others have time limits of their own, which a busy machine may exceed.
      const isSaid = !row.startsWith('dsync') && remarks!.length > 0;
      if (isSaid) for (const remark of remarks!) expect(printed).toContain(remark);
      else expect({ row, remarks, destination }).toEqual({ row, remarks: [], destination: messages });
      expect(version).toMatch(/^\d+\.\d/);
      expect(compared!.exact + compared!.missing).toBe(messages);
      if (row.startsWith('dsync')) expect(compared).toEqual({ exact: messages, missing: 0, extra: 0 });
      expect(printed).toContain(`| ${row} | 1 |`);
    }
    expect(printed).toContain('pop2imap was left out: give --pop2imap PATH.');
  });

  it.each(Object.entries<Scenario>(scenarios))('counts what goes over a long line (%s)', (name, { oneWayMs }) => {
    const { runs } = result.scenarios.find((one) => one.name === name)!;
    for (const { row, roundTrips, bytes, messages } of runs) {
      if (oneWayMs === 0) {
        expect(roundTrips).toBeUndefined();
        continue;
      }
      const { pop, imap } = roundTrips!;
      // The loop loses a line end here and there.
      const least = row === 'loop' ? bytes * 0.99 : bytes;
      expect(pop.reduce((sum, line) => sum + line.bytesDown, 0)).toBeGreaterThan(least);
      expect(imap.reduce((sum, line) => sum + line.bytesUp, 0)).toBeGreaterThan(least);
      const chain = Math.max(...pop.map((line) => line.chain));
      if (row === 'loop') expect(chain).toBeGreaterThan(messages);
      else if (!isPeer(row)) expect(chain).toBeLessThan(messages);
    }
  });

  it('looks into Redis where it was started by hand', () => {
    for (const { runs } of result.scenarios) {
      for (const { row, redis } of runs) {
        const isOurs = row === 'mailhaul-redis' || row === 'mailhaul-split';
        if (!isOurs) expect(redis).toBeUndefined();
        else expect(Math.min(redis!.ledgerBytes, redis!.indexBytes, redis!.keys)).toBeGreaterThan(0);
      }
    }
  });

  it('has the sums of every report of Mailhaul', () => {
    for (const { runs, messages } of result.scenarios) {
      for (const { row, totals } of runs) {
        if (!row.startsWith('mailhaul')) expect(totals).toBeUndefined();
        else expect(totals!.messages).toMatchObject({ listed: messages, appended: messages, duplicate: 0, pending: 0 });
      }
    }
  });

  it('shows where the processor time goes, and how long commands take to start', () => {
    const { cpu, start } = result;
    expect(cpu).toMatchObject({ scenario: 'big-maildir', messages: result.scenarios[0]!.messages });
    for (const kind of kinds) expect(cpu!.kinds[kind]).toBeGreaterThanOrEqual(0);
    for (const kind of ['spool', 'imap, append', 'start'] as const) expect(cpu!.kinds[kind]).toBeGreaterThan(0);
    expect(cpu!.queueShare).toBeGreaterThan(0);
    expect(start!.starts.map(({ runs }) => runs)).toEqual([2, 2, 2, 2, 2]);
    expect(start!.problems).toEqual([]);
    for (const text of ['| spool |', '| mailhaul --help | 2 |']) expect(printed).toContain(text);
  });

  it('prints a table for each scenario', () => {
    for (const name of Object.keys(scenarios)) expect(printed).toContain(`### ${name}: `);
    for (const row of ['ceiling', 'durable', 'mailhaul', 'loop']) expect(printed).toContain(`| ${row} | 1 |`);
    expect(printed).toContain('| mailhaul ÷ ceiling | ≤ 1.25 × |');
    expect(printed).toContain('## The budget (design §10)');
  });

  it('runs again: nothing new, ten new messages, and after Redis was emptied', () => {
    const { messages, unchanged, more, flushed, compared } = result.again!;
    for (const { bare, mailhaul, byHand } of unchanged) {
      expect(bare).toHaveLength(1);
      for (const run of [...mailhaul, ...byHand]) {
        expect(run.messages).toMatchObject({ listed: messages, known: messages, appended: 0 });
      }
    }
    expect(more.messages).toMatchObject({ known: messages, appended: 10, duplicate: 0 });
    expect(flushed.messages).toMatchObject({ known: 0, appended: 0, duplicate: messages + 10 });
    expect(compared).toEqual({ exact: messages + 10, missing: 0, extra: 0 });
    expect(printed).toContain('| re-run of an unchanged mailbox of 300 messages ÷ a bare login and UIDL | ≤ 2 × |');
  });

  it('sees when each account of a list ended, the large one and the small ones', () => {
    const { runs } = result.fairness!;
    expect(runs.map(({ row, accounts }) => [row, accounts])).toEqual([
      ['small alone', 10],
      ['large alone', 1],
      ['large first', 11],
      ['large last', 11],
    ]);
    for (const { ninetySeconds, allSeconds, wallSeconds, smallSeconds = 0, largeSeconds = 0 } of runs) {
      expect(ninetySeconds).toBeGreaterThan(0);
      expect(allSeconds).toBeGreaterThanOrEqual(ninetySeconds);
      expect(Math.max(smallSeconds, largeSeconds)).toBe(allSeconds);
      expect(wallSeconds).toBeGreaterThan(allSeconds);
    }
    expect(printed).toContain('| large last | 500 |');
  });
});
