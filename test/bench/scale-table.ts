/** How the figures of `--scale` grow, and whether that is linear or better. */
import type { ScaleFigures } from './scale.ts';
import { table } from './tables.ts';

/** One figure at both sizes. */
export interface GrowthLine {
  what: string;
  unit: string;
  small: number;
  large: number;
  /** The larger one divided by the smaller one. */
  factor: number;
  /** `linear or better`, or what it is instead. */
  verdict: string;
}

/** What a figure may grow beyond the number of accounts before it counts as worse than linear: the noise of a machine. */
export const tolerance = 1.25;
/** Most of one core that the service may take while nothing is due, in per cent. */
export const idlePercentMax = 1;

type Figure = Exclude<keyof ScaleFigures, 'accounts' | 'problems'>;

const figures: readonly (readonly [figure: Figure, what: string, unit: string])[] = [
  ['importSeconds', 'start, and import of the list', 's'],
  ['begunSeconds', 'all runs begun', 's'],
  ['endedSeconds', 'all runs ended (empty maildrops)', 's'],
  ['redisListBytes', 'Redis: the list', 'MB'],
  ['redisBytes', 'Redis: all, after the runs', 'MB'],
  ['rssMB', 'memory of the service, idle', 'MB'],
  ['peakRssMB', 'memory of the service, peak', 'MB'],
  ['idlePercent', 'processor of the service, idle', '% of a core'],
  ['redisIdlePercent', 'processor of Redis, idle', '% of a core'],
  ['pageMs', 'GET /api/accounts?limit=100', 'ms'],
  ['laterPageMs', 'the same from the middle on', 'ms'],
  ['metricsMs', 'GET /metrics, counted anew', 'ms'],
];

/** Holds the larger number of accounts against the smaller one. */
export function growthOf(small: ScaleFigures, large: ScaleFigures): GrowthLine[] {
  const most = (large.accounts / small.accounts) * tolerance;
  return figures.map(([figure, what, unit]) => {
    const factor = large[figure] / small[figure];
    const values = { what, unit, small: shown(small[figure], unit), large: shown(large[figure], unit), factor };
    if (unit === '% of a core') {
      const idle = large[figure] <= idlePercentMax;
      return { ...values, verdict: idle ? `at most ${idlePercentMax} %` : `MORE THAN ${idlePercentMax} %` };
    }
    return { ...values, verdict: factor <= most ? 'linear or better' : 'WORSE THAN LINEAR' };
  });
}

/** What a person reads at the end. */
export function scaleText([small, large]: readonly ScaleFigures[], extent: 'full' | 'quick'): string {
  if (!small || !large) return '';
  const number = (value: number) => value.toLocaleString('en');
  const head = ['figure', `${number(small.accounts)} accounts`, `${number(large.accounts)} accounts`, 'factor', ''];
  const lines = growthOf(small, large).map(({ what, unit, factor, verdict, ...values }) => [
    what,
    `${values.small.toFixed(2)} ${unit}`,
    `${values.large.toFixed(2)} ${unit}`,
    factor.toFixed(2),
    verdict,
  ]);
  const perAccount = ((large.redisBytes - small.redisBytes) / (large.accounts - small.accounts)).toFixed(0);
  const ratio = large.accounts / small.accounts;
  const notes = [
    `${perAccount} bytes of Redis for each further account. Linear or better: at most ${ratio} × ${tolerance} times as much.`,
    ...(extent === 'quick' ? ['Quick: few accounts and short looks, so the figures mean nothing.'] : []),
  ];
  return `${['### scale: the service with very many accounts', table(head, lines), ...notes].join('\n\n')}\n`;
}

function shown(value: number, unit: string): number {
  return unit === 'MB' && value > 10_000 ? value / 1e6 : value;
}
