import { describe, expect, it } from 'vitest';
import { lineDisplay } from '../../src/progress/display.ts';
import { duration, progressLine } from '../../src/progress/lines.ts';
import { RateMeter, secondsLeft } from '../../src/progress/rate.ts';
import type { AccountProgress, Tally } from '../../src/progress/tally.ts';

const progress = (other: Partial<AccountProgress> = {}): AccountProgress => ({
  id: 'alice',
  state: 'running',
  listed: 200,
  settled: 50,
  bytesListed: 0,
  bytesDownloaded: 0,
  bytesAppended: 1_500_000,
  hasListing: true,
  reason: '',
  ...other,
});
const rate = { messages: 10, bytes: 250_000 };
const line = (other: Partial<AccountProgress> = {}, speed = rate) => progressLine(progress(other), speed);
const name = 'alice'.padEnd(28);

describe('the line of an account', () => {
  it('has counts, share, bytes, rate and the time that is left', () => {
    expect(line()).toBe(`${name}       50/200   25 %       1.5 MB  10 msg/s 0.3 MB/s  ETA 15 s`);
  });

  it('has no time left before the listing is known', () => {
    expect(line({ hasListing: false })).toBe(`${name}       50/200   25 %       1.5 MB  10 msg/s 0.3 MB/s`);
  });

  it('has none while nothing moves, and none when nothing is left', () => {
    expect(line({}, { messages: 0, bytes: 0 })).not.toContain('ETA');
    expect(line({ settled: 200 })).not.toContain('ETA');
  });

  it('rounds the share down: 100 % is all', () => {
    expect(line({ listed: 10_000, settled: 9999 })).toContain(' 99 %');
    expect(line({ listed: 0, settled: 0 })).toContain('100 %');
  });

  it('says what an account is at before it counts', () => {
    expect(line({ state: 'queued' })).toBe(`${name}  queued`);
    expect(line({ hasListing: false, listed: 0, settled: 0 })).toBe(`${name}  listing …`);
    expect(line({ reason: 'the server is busy' })).toBe(`${name}  waiting: the server is busy`);
  });

  it('does not let names or answers of servers spoil the terminal', () => {
    const long = line({ id: `\x1b[31m${'x'.repeat(100)}`, reason: `a\r\nb\x07${'y'.repeat(200)}` });
    expect(long).not.toMatch(/[\x00-\x1f]/);
    expect(long.length).toBeLessThan(140);
  });
});

describe('a span of time', () => {
  it.each([
    [0, '0 s'],
    [0.2, '1 s'],
    [59, '59 s'],
    [60, '1 min 0 s'],
    [200, '3 min 20 s'],
    [3600, '1 h 0 min'],
    [7500, '2 h 5 min'],
    [90_000, '25 h 0 min'],
  ])('of %d seconds is %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe('a rate', () => {
  it('is nothing at first', () => {
    expect(new RateMeter().note(1000, 500, 1e6)).toEqual({ messages: 0, bytes: 0 });
  });

  it('is the growth since the window began', () => {
    const meter = new RateMeter();
    meter.note(0, 100, 1000);
    expect(meter.note(2000, 120, 5000)).toEqual({ messages: 10, bytes: 2000 });
  });

  it('forgets what is older than the window', () => {
    const meter = new RateMeter();
    for (let second = 0; second <= 30; second += 1) meter.note(second * 1000, second < 20 ? second * 100 : 2000, 0);
    expect(meter.note(31_000, 2000, 0)).toEqual({ messages: 0, bytes: 0 });
  });

  it('does not stumble over a clock that stands still', () => {
    const meter = new RateMeter();
    meter.note(5000, 0, 0);
    expect(meter.note(5000, 10, 10)).toEqual({ messages: 0, bytes: 0 });
  });

  it('tells how long the rest takes, if anything moves', () => {
    expect(secondsLeft(50, 10)).toBe(5);
    expect(secondsLeft(50, 0)).toBeUndefined();
  });
});

describe('progress where standard error is no terminal', () => {
  const start = 1_000_000;
  const tallyOf = (accounts: AccountProgress[], settled = 50): Tally => ({
    accounts,
    finished: accounts.filter(({ state }) => state !== 'running').length,
    total: progress({ id: 'total', settled }),
  });

  function shown(everyMs = 10_000) {
    const lines: string[] = [];
    return { lines, display: lineDisplay((text) => lines.push(text), everyMs) };
  }

  it('is a line now and then', () => {
    const { lines, display } = shown();
    for (let ms = 0; ms <= 30_000; ms += 500) display.show(tallyOf([progress()], ms / 1000), start + ms);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^total \(0\/1\) +10\/200 .* 1 msg\/s/);
  });

  it('is a line when an account ends, once', () => {
    const { lines, display } = shown();
    const bob = progress({ id: 'bob', state: 'incomplete', settled: 199 });
    for (let ms = 0; ms < 3000; ms += 500) display.show(tallyOf([progress(), bob]), start + ms);
    expect(lines).toEqual(['bob: incomplete, 199 of 200 messages']);
  });

  it('keeps the rate of the total when an account ends', () => {
    const { lines, display } = shown(1000);
    const bob = (state: 'running' | 'complete') => progress({ id: 'bob', state });
    display.show(tallyOf([progress(), bob('running')], 0), start);
    display.show(tallyOf([progress(), bob('complete')], 20), start + 2000);
    expect(lines.at(-1)).toContain('total (1/2)');
    expect(lines.at(-1)).toContain(' 10 msg/s');
  });
});
