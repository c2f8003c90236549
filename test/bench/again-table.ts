/** What was measured of re-runs, held against the budget. */
import type { AgainFigures, AgainRun } from './again.ts';
import { median, pairRatio } from './statistics.ts';
import { type BudgetLine, table } from './tables.ts';

/** Mailhaul's time divided by that of a bare login and UIDL, at most (design §10). */
export const toBareUidl = 2;

/** The line of design §10: default settings, no delay, and the start of both programs included. */
export function againBudget({ unchanged, messages }: AgainFigures): BudgetLine {
  const near = unchanged.find(({ oneWayMs }) => oneWayMs === 0);
  const measured = pairRatio(wallsOf(near?.mailhaul), wallsOf(near?.bare)) ?? Number.NaN;
  return {
    what: `re-run of an unchanged mailbox of ${messages.toLocaleString('en')} messages ÷ a bare login and UIDL`,
    budget: `≤ ${toBareUidl} ×`,
    measured,
    met: measured <= toBareUidl,
  };
}

/** What a person reads at the end. */
export function againText(figures: AgainFigures, extent: 'full' | 'quick'): string {
  const { messages, bytes, added, first, unchanged, more, flushed, compared } = figures;
  const lines = unchanged.flatMap(({ oneWayMs, bare, mailhaul, byHand }) => {
    const line = oneWayMs === 0 ? '' : `, ${2 * oneWayMs} ms round trip`;
    return [
      row(`a bare login and UIDL${line}`, bare, bare),
      row(`mailhaul sync, nothing new${line}`, mailhaul, bare),
      row(`the same on a Redis started by hand${line}`, byHand, bare),
    ];
  });
  const { what, budget, measured, met } = againBudget(figures);
  const parts = [
    `### again: re-runs of one maildrop (${messages.toLocaleString('en')} messages, ${(bytes / 1e6).toFixed(1)} MB)`,
    table(
      ['run', 'runs', 'wall s (min–max)', 'user s', 'sys s', 'peak RSS MB', '÷ bare'],
      [
        row('first copy', [first]),
        ...lines,
        row(`${added} new messages`, [more]),
        row('Redis emptied: all is looked up at the destination', [flushed]),
      ],
    ),
    `At the end ${compared.exact.toLocaleString('en')} messages stood at the destination with every byte; ${compared.missing} were missing, ${compared.extra} altered or doubled.`,
    table(['budget', 'limit', 'measured', ''], [[what, budget, measured.toFixed(2), met ? 'met' : 'NOT MET']]),
    ...(extent === 'quick' ? ['Quick: few messages and one pair, so the figures mean nothing.'] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

function row(what: string, runs: readonly AgainRun[], bare?: readonly AgainRun[]): string[] {
  const walls = wallsOf(runs);
  const spread = walls.length > 1 ? ` (${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)})` : '';
  const middle = (pick: (run: AgainRun) => number, digits: number) => median(runs.map(pick)).toFixed(digits);
  return [
    what,
    String(runs.length),
    `${median(walls).toFixed(2)}${spread}`,
    middle(({ userSeconds }) => userSeconds, 2),
    middle(({ systemSeconds }) => systemSeconds, 2),
    middle(({ peakRssMB }) => peakRssMB, 0),
    pairRatio(walls, wallsOf(bare))?.toFixed(2) ?? '',
  ];
}

function wallsOf(runs: readonly AgainRun[] = []): number[] {
  return runs.map(({ wallSeconds }) => wallSeconds);
}
