/** What was measured of a large mailbox among small ones. */
import type { FairnessFigures, FairnessRow } from './fairness.ts';
import { table } from './tables.ts';

/** How much longer each side takes beside the other than alone; undefined where a run is missing. */
export function delays({ runs }: FairnessFigures, beside: FairnessRow): { small: number; large: number } | undefined {
  const of = (row: FairnessRow) => runs.find((run) => run.row === row);
  const [small, large, both] = [of('small alone'), of('large alone'), of(beside)];
  if (!small?.smallSeconds || !large?.largeSeconds || !both?.smallSeconds || !both.largeSeconds) return undefined;
  return { small: both.smallSeconds / small.smallSeconds, large: both.largeSeconds / large.largeSeconds };
}

/** What a person reads at the end. */
export function fairnessText(figures: FairnessFigures, extent: 'full' | 'quick'): string {
  const { large, small, smallMessages, bytes, runs } = figures;
  const seconds = (value: number | undefined) => value?.toFixed(1) ?? '';
  const count = (value: number) => value.toLocaleString('en');
  const notes = (['large first', 'large last'] as const).flatMap((row) => {
    const found = delays(figures, row);
    if (!found) return [];
    return [
      `${row}: the small ones take ${found.small.toFixed(2)} times as long as alone, the large one ${found.large.toFixed(2)} times.`,
    ];
  });
  const parts = [
    `### fairness: one maildrop of ${count(large)} messages among ${count(small)} of ${count(smallMessages)} (${(bytes / 1e6).toFixed(1)} MB)`,
    table(
      ['in the list', 'messages', '90 % of accounts s', 'last account s', 'last small one s', 'large one s', 'wall s'],
      runs.map((run) => [
        run.row,
        count(run.messages),
        seconds(run.ninetySeconds),
        seconds(run.allSeconds),
        seconds(run.smallSeconds),
        seconds(run.largeSeconds),
        seconds(run.wallSeconds),
      ]),
    ),
    ...notes,
    ...(extent === 'quick' ? ['Quick: few messages, so the figures mean nothing.'] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}
