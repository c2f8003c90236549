/** What the picture of growth shows: its panels with their lines, and where a value stands in the area of a panel. */
import type { GrowthFigures } from './growth.ts';
import type { ScaleFigures } from './scale.ts';

/** One line of a panel. */
export interface Line {
  readonly name: string;
  /** What it is of, which is its colour. */
  readonly kind: 'own' | 'other' | 'redis' | 'service';
  /** All above 0, by size. */
  readonly points: readonly (readonly [size: number, value: number])[];
}

/** One small diagram. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  /** What is on the horizontal axis. */
  readonly of: string;
  readonly lines: readonly Line[];
}

/** Where a panel has its lines, in units of the picture. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The area of a panel with its logarithmic scales. */
export interface Area extends Box {
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
  x(size: number): number;
  y(value: number): number;
}

/** The panels: times above, memory below, from left to right maildrops, mailboxes and lists. */
export function panelsOf({ maildrops, mailboxes, lists }: GrowthFigures, scale: readonly ScaleFigures[]): Panel[][] {
  const service = (pick: (figures: ScaleFigures) => number) =>
    line('service', 'service', scale, ({ accounts }) => accounts, pick);
  const drop = lineOf(maildrops, ({ messages }) => messages);
  const box = lineOf(mailboxes, ({ messages }) => messages);
  const list = lineOf(lists, ({ accounts }) => accounts);
  const inMaildrop = 'messages of the maildrop';
  const inMailbox = 'messages of the mailbox';
  const inList = 'accounts of the list';
  return [
    [
      panel('First run of a maildrop', 's', inMaildrop, [
        drop('mailhaul', 'own', ({ seconds }) => seconds),
        drop('bare sockets', 'other', ({ ceilingSeconds }) => ceilingSeconds),
      ]),
      panel('First run into a full mailbox', 's', inMailbox, [
        box('mailhaul', 'own', ({ seconds }) => seconds),
        box('bare sockets', 'other', ({ bareSeconds }) => bareSeconds),
      ]),
      panel('All accounts, without mail', 's', inList, [
        list('sync', 'own', ({ seconds }) => seconds),
        list('first login', 'other', ({ firstSeconds }) => firstSeconds),
        service(({ endedSeconds }) => endedSeconds),
      ]),
    ],
    [
      panel('Memory, peak', 'MB', inMaildrop, [
        drop('mailhaul', 'own', ({ peakRssMB }) => peakRssMB),
        drop('Redis', 'redis', ({ redisPeakMB }) => redisPeakMB),
      ]),
      panel('Memory, peak', 'MB', inMailbox, [
        box('mailhaul', 'own', ({ peakRssMB }) => peakRssMB),
        box('Redis', 'redis', ({ redisPeakMB }) => redisPeakMB),
      ]),
      panel('Memory, peak', 'MB', inList, [
        list('sync', 'own', ({ peakRssMB }) => peakRssMB),
        list('Redis', 'redis', ({ redisPeakRssMB }) => redisPeakRssMB),
        service(({ peakRssMB }) => peakRssMB),
      ]),
    ],
  ];
}

/** Scales from the power of ten below the least value to the one above the largest. */
export function areaOf({ lines }: Pick<Panel, 'lines'>, box: Box): Area {
  const points = lines.flatMap((one) => one.points);
  const xTicks = decades(points.map(([size]) => size));
  const yTicks = decades(points.map(([, value]) => value));
  const across = scaleOf(xTicks, box.left, box.right);
  const up = scaleOf(yTicks, box.bottom, box.top);
  return { ...box, xTicks, yTicks, x: across, y: up };
}

function panel(title: string, unit: string, of: string, lines: readonly Line[]): Panel {
  return { title, unit, of, lines: lines.filter(({ points }) => points.length > 0) };
}

function lineOf<Point>(all: readonly Point[], size: (point: Point) => number) {
  return (name: string, kind: Line['kind'], value: (point: Point) => number) => line(name, kind, all, size, value);
}

/** A logarithm has no place for 0, or for what was not measured. */
function line<Point>(
  name: string,
  kind: Line['kind'],
  all: readonly Point[],
  size: (point: Point) => number,
  value: (point: Point) => number,
): Line {
  const points = all.map((point) => [size(point), value(point)] as const);
  return { name, kind, points: points.filter(([x, y]) => x > 0 && y > 0 && Number.isFinite(x * y)) };
}

function decades(values: readonly number[]): number[] {
  if (values.length === 0) return [1, 10];
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

function scaleOf(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const [first, last] = [Math.log10(ticks[0]!), Math.log10(ticks.at(-1)!)];
  return (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from);
}
