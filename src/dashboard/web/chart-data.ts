/** What was carried in each step of time, as the chart draws it. */
import type { Throughput } from '../../operations/answers/overview.ts';

/** Points of the chart: seconds since 1970, and what a second had of each on average; null where nobody looked. */
export interface ChartData {
  readonly times: number[];
  readonly messages: (number | null)[];
  readonly bytes: (number | null)[];
  /** Seconds from one point to the next. */
  readonly stepSeconds: number;
}

/** The last `rangeMs` until `nowMs` in at most `mostPoints` points. A step that has not ended yet is left out. */
export function chartData(
  { stepMs, samples }: Throughput,
  rangeMs: number,
  nowMs: number,
  mostPoints: number,
): ChartData {
  const step = Math.max(1, stepMs);
  const wide = step * Math.max(1, Math.ceil(rangeMs / step / mostPoints));
  const end = Math.floor(nowMs / wide) * wide;
  const points = Math.max(1, Math.min(mostPoints, Math.floor(rangeMs / wide)));
  const begin = end - points * wide;
  const sums = Array.from({ length: points }, () => ({ messages: 0, bytes: 0, seconds: 0 }));
  for (const { at, messages, bytes } of samples) {
    const point = sums[Math.floor((Date.parse(at) - begin) / wide)];
    if (!point) continue;
    point.messages += messages;
    point.bytes += bytes;
    point.seconds += step / 1000;
  }
  return {
    times: sums.map((_, index) => (begin + index * wide) / 1000),
    messages: sums.map(({ messages, seconds }) => (seconds === 0 ? null : messages / seconds)),
    bytes: sums.map(({ bytes, seconds }) => (seconds === 0 ? null : bytes / seconds)),
    stepSeconds: wide / 1000,
  };
}

/** The points between two gaps: no line leads to them, so that they are drawn as dots. */
export function lonely(values: readonly (number | null | undefined)[]): number[] {
  return values.flatMap((value, at) => (value != null && values[at - 1] == null && values[at + 1] == null ? [at] : []));
}

/** What was known and what came later: each step once, those that begin before `fromMs` left out, so that it stays bounded. */
export function joined(before: Throughput | undefined, { stepMs, samples }: Throughput, fromMs: number): Throughput {
  const steps = new Map([...(before?.samples ?? []), ...samples].map((sample) => [sample.at, sample]));
  return { stepMs, samples: [...steps.values()].filter(({ at }) => Date.parse(at) >= fromMs) };
}
