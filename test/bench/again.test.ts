/** What the tables of re-runs and of fairness are made of; that they are measured is in bench.test.ts. */
import { describe, expect, it } from 'vitest';
import type { AgainFigures, AgainRun } from './again.ts';
import { againBudget, againText } from './again-table.ts';
import { type FairnessFigures, timesOf } from './fairness.ts';
import { delays, fairnessText } from './fairness-table.ts';

const run = (wallSeconds: number): AgainRun => {
  return { wallSeconds, userSeconds: 1, systemSeconds: 1, peakRssMB: 1, redisPeakRssMB: 1 };
};

function figures(mailhaul: readonly number[], bare: readonly number[]): AgainFigures {
  const near = { oneWayMs: 0, bare: bare.map(run), mailhaul: mailhaul.map(run), byHand: [run(0.1)] };
  const far = { oneWayMs: 20, bare: [run(1)], mailhaul: [run(100)], byHand: [run(100)] };
  const compared = { exact: 100_010, missing: 0, extra: 0 };
  const rest = { first: run(100), more: run(2), flushed: run(40), compared, problems: [] };
  return { messages: 100_000, bytes: 160e6, added: 10, unchanged: [far, near], ...rest };
}

describe('the line of the budget about re-runs', () => {
  it('holds the default settings, without delay, against the bare program', () => {
    expect(againBudget(figures([0.5, 3, 0.6], [0.3, 2, 0.3]))).toMatchObject({ measured: 0.5 / 0.3, met: true });
    expect(againBudget(figures([0.61], [0.3]))).toMatchObject({ budget: '≤ 2 ×', met: false });
    expect(againBudget(figures([], []))).toMatchObject({ measured: Number.NaN, met: false });
  });

  it('stands in the table', () => {
    const text = againText(figures([0.6], [0.3]), 'full');
    expect(text).toContain('| mailhaul sync, nothing new, 40 ms round trip | 1 | 100.00 | 1.00 | 1.00 | 1 | 100.00 |');
    expect(text).toContain('100,000 messages ÷ a bare login and UIDL | ≤ 2 × | 2.00 | met |');
  });
});

describe('fairness', () => {
  it('counts nine of ten accounts, the last small one and the large one', () => {
    const ends = Array.from({ length: 19 }, (_, n): [string, number] => [`few-${n}`, n + 1]);
    const times = timesOf(new Map([['large-50000', 90], ...ends]));
    expect(times).toEqual({ ninetySeconds: 18, allSeconds: 90, smallSeconds: 19, largeSeconds: 90 });
    expect(timesOf(new Map([['large-1', 5]]))).toEqual({ ninetySeconds: 5, allSeconds: 5, largeSeconds: 5 });
  });

  it('says how much longer each side takes beside the other', () => {
    const one = { accounts: 1, messages: 1, wallSeconds: 1, userSeconds: 1, systemSeconds: 1, peakRssMB: 1 };
    const ended = { ...one, ninetySeconds: 1, allSeconds: 1 };
    const all: FairnessFigures = {
      large: 50_000,
      small: 200,
      smallMessages: 100,
      bytes: 1e8,
      problems: [],
      runs: [
        { row: 'small alone', ...ended, smallSeconds: 20 },
        { row: 'large alone', ...ended, largeSeconds: 50 },
        { row: 'large first', ...ended, smallSeconds: 30, largeSeconds: 60 },
      ],
    };
    expect(delays(all, 'large first')).toEqual({ small: 1.5, large: 1.2 });
    expect(delays(all, 'large last')).toBeUndefined();
    expect(fairnessText(all, 'full')).toContain('1.50 times as long as alone, the large one 1.20 times.');
  });
});
