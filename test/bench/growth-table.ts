/** How the figures of `--growth` grow, and whether that is linear or better. */
import type { GrowthFigures } from './growth.ts';
import { tolerance } from './scale-table.ts';
import { table } from './tables.ts';

/** One figure at all sizes. */
export interface GrowthRow {
  readonly what: string;
  readonly unit: string;
  /** By size, the smallest first. */
  readonly values: readonly number[];
  /** The last one divided by the one before. */
  readonly factor: number;
  /** `linear or better`, or what it is instead. */
  readonly verdict: string;
}

interface Figure<Point> {
  readonly what: string;
  readonly unit: string;
  readonly pick: (point: Point) => number;
  /** What is counted for each message or as a ratio should not grow at all. */
  readonly isFlat?: boolean;
}

/** The figures of one kind of growth, by size. */
export interface GrowthPart<Point> {
  readonly title: string;
  readonly points: readonly Point[];
  readonly size: (point: Point) => number;
  readonly unit: string;
  readonly figures: readonly Figure<Point>[];
}

interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMB: number;
}

const costs: readonly Figure<Cost>[] = [
  { what: 'time', unit: 's', pick: ({ seconds }) => seconds },
  { what: 'processor time', unit: 's', pick: ({ cpuSeconds }) => cpuSeconds },
  { what: 'peak memory', unit: 'MB', pick: ({ peakRssMB }) => peakRssMB },
];

/** The lines of one kind. The last step counts: what is always the same hides in it how the rest grows least. */
export function growthRows<Point>({ points, size, figures }: GrowthPart<Point>): GrowthRow[] {
  const [before, last] = points.slice(-2);
  if (!before || !last) return [];
  const steps = size(last) / size(before);
  return figures.map(({ what, unit, pick, isFlat = false }) => {
    const factor = pick(last) / pick(before);
    const isMet = factor <= (isFlat ? 1 : steps) * tolerance;
    const verdict = isFlat ? ['the same or less', 'GROWS'] : ['linear or better', 'WORSE THAN LINEAR'];
    return { what, unit, values: points.map(pick), factor, verdict: verdict[isMet ? 0 : 1]! };
  });
}

/** What a person reads at the end. */
export function growthText({ maildrops, mailboxes, lists }: GrowthFigures, extent: 'full' | 'quick'): string {
  const parts = [
    '### growth: what ten times as much costs',
    partText({
      title: 'A maildrop, first run to mdbox',
      points: maildrops,
      size: ({ messages }) => messages,
      unit: 'messages',
      figures: [
        ...costs,
        { what: 'time of the bare sockets', unit: 's', pick: ({ ceilingSeconds }) => ceilingSeconds },
        { what: 'time ÷ bare sockets', unit: '', pick: (point) => point.seconds / point.ceilingSeconds, isFlat: true },
        { what: 'Redis, processor time', unit: 's', pick: ({ redisCpuSeconds }) => redisCpuSeconds },
        { what: 'Redis, most memory', unit: 'MB', pick: ({ redisPeakMB }) => redisPeakMB },
        { what: 'ledger a message', unit: 'B', pick: (point) => point.ledgerBytes / point.messages, isFlat: true },
        { what: 'index a message', unit: 'B', pick: (point) => point.indexBytes / point.messages, isFlat: true },
      ],
    }),
    partText({
      title: 'A mailbox that is full before the first run of an account, half of whose mail is there',
      points: mailboxes,
      size: ({ messages }) => messages,
      unit: 'messages',
      figures: [
        ...costs,
        { what: 'time of a bare socket to read the headers', unit: 's', pick: ({ bareSeconds }) => bareSeconds },
        { what: 'Redis, processor time', unit: 's', pick: ({ redisCpuSeconds }) => redisCpuSeconds },
        { what: 'Redis, most memory', unit: 'MB', pick: ({ redisPeakMB }) => redisPeakMB },
        { what: 'index a message', unit: 'B', pick: (point) => point.indexBytes / point.indexed, isFlat: true },
      ],
    }),
    partText({
      title: 'A list of accounts with empty maildrops, `mailhaul sync`',
      points: lists,
      size: ({ accounts }) => accounts,
      unit: 'accounts',
      figures: [
        { what: 'until the first connection', unit: 's', pick: ({ firstSeconds }) => firstSeconds },
        ...costs,
        { what: 'peak memory of its Redis', unit: 'MB', pick: ({ redisPeakRssMB }) => redisPeakRssMB },
      ],
    }),
    `Linear or better: at most as many times as much as there is more of it, and ${tolerance} × for noise, in the last step.`,
    ...(extent === 'quick' ? ['Quick: next to nothing is copied, so the figures mean nothing.'] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

function partText<Point>(part: GrowthPart<Point>): string {
  const { title, points, size, unit } = part;
  const head = [title, ...points.map((point) => `${size(point).toLocaleString('en')} ${unit}`), 'last factor', ''];
  const lines = growthRows(part).map(({ what, unit: of, values, factor, verdict }) => [
    what,
    ...values.map((value) => `${value.toFixed(2)} ${of}`.trim()),
    factor.toFixed(2),
    verdict,
  ]);
  return table(head, lines);
}
