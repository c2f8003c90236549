import { describe, expect, it } from 'vitest';
import type { AgainFigures } from './again.ts';
import type { CpuFigures } from './cpu.ts';
import type { AnyRow, BenchResult, RunResult, ScenarioResult } from './results.ts';
import { type ScenarioName, scenarios } from './scenarios.ts';
import { type SummaryLine, summaryOf, summaryText } from './summary.ts';

const machine = { cpus: [], memoryMB: 1, kernel: '', node: '' };

function resultOf(...measured: ScenarioResult[]): BenchResult {
  return { version: 1, startedAt: '', extent: 'full', pairs: 1, machine, scenarios: measured };
}

/** A scenario whose rows took so many seconds, once, for 100 messages. */
function scenarioOf(name: ScenarioName, seconds: Partial<Record<AnyRow, number>>): ScenarioResult {
  const runs = Object.entries(seconds).map(([row, wallSeconds]): RunResult => {
    const time = { wallSeconds, userSeconds: 1, systemSeconds: 1 };
    const memory = { peakRssMB: 100, redisPeakRssMB: 1, processes: [] };
    const mail = { messages: 100, bytes: 1000, source: 100, destination: 100 };
    return { row: row as AnyRow, number: 1, status: 0, ...time, ...memory, ...mail, problems: [] };
  });
  return { name, title: scenarios[name].title, messages: 100, bytes: 1000, runs, loopFactor: 1, skipped: {} };
}

function lineOf(result: BenchResult, what: string, where: string): SummaryLine {
  return summaryOf(result).find((line) => line.what.includes(what) && line.where === where)!;
}

describe('the summary', () => {
  it('has every line of the budget, also without any figure', () => {
    const lines = summaryOf(resultOf());
    expect(lines).toHaveLength(13);
    expect(new Set(lines.map(({ verdict }) => verdict))).toEqual(new Set(['not measured']));
    expect(summaryText(resultOf())).toContain('All measured lines are met; 13 not measured.');
  });

  it('says how to measure pop2imap', () => {
    const scenario = scenarioOf('big-maildir', { mailhaul: 1 });
    scenario.skipped.pop2imap = 'give --pop2imap PATH';
    expect(summaryText(resultOf(scenario))).toContain('| not measured: give --pop2imap PATH |');
  });

  it.each([
    ['big-maildir', 'full copy', 'no delay', { ceiling: 4, mailhaul: 5 }, { ceiling: 4, mailhaul: 5.1 }],
    ['big-maildir-40ms', 'full copy', '40 ms round trip', { ceiling: 4, mailhaul: 5 }, { ceiling: 4, mailhaul: 5.1 }],
    ['big-mdbox', 'mdbox', 'no delay', { ceiling: 4, mailhaul: 8 }, { ceiling: 4, mailhaul: 8.1 }],
    ['d40-maildir-40ms', '500 messages', '', { ceiling: 1, mailhaul: 3 }, { ceiling: 1, mailhaul: 3.1 }],
    ['big-maildir', 'plain loop', 'without delay', { loop: 3, mailhaul: 1 }, { loop: 2.9, mailhaul: 1 }],
    ['big-maildir-40ms', 'plain loop', 'with 40 ms', { loop: 30, mailhaul: 1 }, { loop: 29, mailhaul: 1 }],
    ['big-maildir', 'pop2imap', 'without delay', { pop2imap: 3.5, mailhaul: 1 }, { pop2imap: 3.4, mailhaul: 1 }],
    ['big-maildir-40ms', 'pop2imap', 'with 40 ms', { pop2imap: 50, mailhaul: 1 }, { pop2imap: 49, mailhaul: 1 }],
  ] as const)('knows the limit of %s: %s %s', (name, what, where, good, bad) => {
    expect(lineOf(resultOf(scenarioOf(name, good)), what, where).verdict).toBe('met');
    const failed = resultOf(scenarioOf(name, bad));
    const line = lineOf(failed, what, where);
    expect(line.verdict).toBe('NOT MET');
    expect(summaryText(failed)).toMatch(/^!!! NOT MET: 1 of 13 lines; \d+ not measured$/m);
    expect(summaryText(failed)).toContain(
      `!!! ${[line.what, line.where].filter(Boolean).join(', ')}: ${line.measured}`,
    );
  });

  it('has no time of a copy that is not whole', () => {
    const scenario = scenarioOf('big-maildir', { pop2imap: 100, mailhaul: 1 });
    scenario.runs[0]!.destination = 99;
    expect(lineOf(resultOf(scenario), 'pop2imap', 'without delay').verdict).toBe('not measured');
  });

  it('keeps no limit with a copy that is wrong', () => {
    const scenario = scenarioOf('big-maildir', { ceiling: 4, mailhaul: 4 });
    scenario.runs[1]!.problems.push('99 of 100 messages are at the destination');
    expect(lineOf(resultOf(scenario), 'full copy', 'no delay').verdict).toBe('NOT MET');
    const printed = summaryText(resultOf(scenario));
    expect(printed).toContain('!!! WRONG: big-maildir, mailhaul: 99 of 100 messages are at the destination');
  });

  it('has the worst of Redis', () => {
    const kept = (indexBytes: number) => ({ ledgerBytes: 4000, indexBytes, queueBytes: 0, restBytes: 0 });
    const measured = (['big-maildir', 'small-maildir'] as const).map((name) =>
      scenarioOf(name, { 'mailhaul-redis': 1 }),
    );
    measured.forEach(({ runs }, index) => {
      runs[0]!.redis = { ...kept(2400 + index), cpuSeconds: 1, keys: 1 } as RunResult['redis'] & object;
    });
    expect(lineOf(resultOf(...measured), 'Redis', 'ledger')).toMatchObject({ verdict: 'met' });
    const index = lineOf(resultOf(...measured), 'Redis', 'index');
    expect(index).toMatchObject({ verdict: 'NOT MET', measured: '24.01 B (small-maildir)' });
  });

  it('has the re-run, and the share of queues and ledger', () => {
    const run = (wallSeconds: number) => ({
      wallSeconds,
      userSeconds: 1,
      systemSeconds: 1,
      peakRssMB: 1,
      redisPeakRssMB: 1,
    });
    const unchanged = (oneWayMs: number, seconds: number) => ({
      oneWayMs,
      bare: [run(1)],
      mailhaul: [run(seconds)],
      byHand: [],
    });
    const figures = { messages: 100_000, unchanged: [unchanged(0, 2), unchanged(20, 2.1)] } as unknown as AgainFigures;
    const result = { ...resultOf(), again: figures, cpu: { queueShare: 0.1 } as CpuFigures };
    expect(lineOf(result, 're-run', 'no delay')).toMatchObject({ verdict: 'met', measured: '2.00 ×' });
    const slow = { ...result, again: { ...figures, unchanged: [unchanged(0, 2.1)] } };
    expect(lineOf(slow, 're-run', 'no delay').verdict).toBe('NOT MET');
    expect(lineOf(result, 'queue and ledger work', '')).toMatchObject({ verdict: 'NOT MET', measured: '10.0 %' });
  });
});
