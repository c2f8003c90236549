import { expect, it } from 'vitest';
import { chartData, joined, lonely } from '../../../src/dashboard/web/chart-data.ts';

const stepMs = 60_000;
const now = Date.UTC(2026, 10, 22, 12, 0, 30);
const minute = (ago: number, messages: number) => ({
  at: new Date(Date.UTC(2026, 10, 22, 12) - ago * stepMs).toISOString(),
  messages,
  bytes: messages * 1000,
});

it('gives what a second had on average, and a gap where nobody looked', () => {
  const data = chartData({ stepMs, samples: [minute(3, 60), minute(1, 120)] }, 3 * stepMs, now, 100);
  expect(data.messages).toEqual([1, null, 2]);
  expect(data.bytes).toEqual([1000, null, 2000]);
  expect(data.times.map((at) => at * 1000)).toEqual([3, 2, 1].map((ago) => Date.UTC(2026, 10, 22, 12) - ago * stepMs));
});

it('leaves out the step that has not ended, and what is older', () => {
  const data = chartData({ stepMs, samples: [minute(0, 999), minute(3, 60), minute(9, 60)] }, 3 * stepMs, now, 100);
  expect(data.messages).toEqual([1, null, null]);
});

it('puts steps together where there are more than points, over the time that was looked at', () => {
  const samples = Array.from({ length: 10_080 }, (_, ago) => minute(ago + 1, 60)).filter((_, ago) => ago % 2 === 0);
  const data = chartData({ stepMs, samples }, 7 * 86_400_000, now, 360);
  expect(data.times.length).toBeLessThanOrEqual(360);
  expect(data.stepSeconds).toBe(28 * 60);
  expect(new Set(data.messages)).toEqual(new Set([1]));
});

it('is empty without samples', () => {
  expect(chartData({ stepMs, samples: [] }, 3 * stepMs, now, 100).messages).toEqual([null, null, null]);
});

it('is kept with each step once, and nothing older than what is shown', () => {
  const before = { stepMs, samples: [minute(3, 1), minute(2, 2)] };
  const from = Date.parse(minute(2, 0).at);
  const whole = joined(before, { stepMs, samples: [minute(2, 2), minute(1, 3)] }, from);
  expect(whole.samples).toEqual([minute(2, 2), minute(1, 3)]);
  expect(joined(undefined, before, from).samples).toEqual([minute(2, 2)]);
});

it('has points that no line leads to, for whom there are dots', () => {
  expect(lonely([null, 5, null])).toEqual([1]);
  expect(lonely([5])).toEqual([0]);
  expect(lonely([0, null, 1, 2, null, 3])).toEqual([0, 5]);
  expect(lonely([null, null])).toEqual([]);
});
