import { describe, expect, it } from 'vitest';
import { type ArrivalRules, arrivalOf } from '../../src/append/arrival.ts';
import { headerFields } from '../../src/message/header.ts';

const now = Date.UTC(2020, 0, 31);
const plain = { seen: 'none', seenOlderThanDays: 30, flagsFromHeaders: false, dates: 'received' } as const;
const arrival = (lines: string[], settings: Partial<ArrivalRules['settings']>, firstRun = true) =>
  arrivalOf(headerFields(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)), {
    settings: { ...plain, ...settings },
    firstRun,
    now,
  });
const dates = ['Received: from a; 3 Mar 2014 10:00:00 +0200', 'Date: 1 Mar 2014 10:00:00 -0500'];

describe('the date', () => {
  it.each([
    ['received', '03-Mar-2014 10:00:00 +0200'],
    ['date', '01-Mar-2014 10:00:00 -0500'],
    ['none', undefined],
  ] as const)('with dates: %s is %s', (setting, expected) => {
    expect(arrival(dates, { dates: setting }).internalDate).toBe(expected);
  });

  it('is known to the rules of placement though the destination is not told it', () => {
    expect(arrival(dates, { dates: 'none' }).date).toEqual({ time: Date.UTC(2014, 2, 3, 8), zone: 120 });
  });
});

describe('\\Seen', () => {
  const isSeen = (lines: string[], settings: Partial<ArrivalRules['settings']>, firstRun?: boolean) =>
    arrival(lines, settings, firstRun).flags.includes('\\Seen');

  it.each([
    ['1 Jan 2020 00:00:01 +0000', false],
    ['31 Dec 2019 23:59:59 +0000', true],
    ['1 Jan 2020 01:00:00 +0200', true],
  ])('with seen: older-than 30 days of what arrived on %s: %s', (date, seen) => {
    for (const setting of ['received', 'none'] as const) {
      expect(isSeen([`Date: ${date}`], { seen: 'older-than', dates: setting })).toBe(seen);
    }
  });

  it('is not given by age to what has no date', () => {
    expect(isSeen([], { seen: 'older-than' })).toBe(false);
  });

  it.each([
    ['Status: RO', true, true],
    ['Status: O', false, false],
    ['Status:', true, false],
    ['Subject: a', true, false],
  ])('with seen: status of %j is %s in a first run, %s later', (line, first, later) => {
    expect(isSeen([line], { seen: 'status' })).toBe(first);
    expect(isSeen([line], { seen: 'status' }, false)).toBe(later);
  });

  it('is not taken from the header by flagsFromHeaders', () => {
    expect(arrival(['Status: RO', 'X-Status: A'], { flagsFromHeaders: true }).flags).toEqual(['\\Answered']);
  });
});

it('other flags are taken from the header where that is wanted, and never else', () => {
  const lines = ['Status: RO', 'X-Status: AFTD', 'X-Mozilla-Status: 100f', 'X-Keywords: Work'];
  const flags = ['\\Seen', '\\Answered', '\\Flagged', '\\Draft', '$Forwarded', 'Work'];
  expect(arrival(lines, { seen: 'status', flagsFromHeaders: true }).flags).toEqual(flags);
  expect(arrival(lines, { seen: 'status' }).flags).toEqual(['\\Seen']);
});
