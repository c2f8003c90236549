import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/ground/package-root.ts';
import { internalDate, parseDate } from '../../src/message/date.ts';
import { zones } from '../../src/message/date-names.ts';
import type { ZonedDate } from '../../src/message/date-parts.ts';
import { fuzz, mailBytes } from '../fuzz.ts';

const page = readFileSync(join(packageRoot(), 'docs', 'dates-and-flags.md'), 'utf8');
const section = (from: string, to: string) => page.split(from)[1]!.split(to)[0]!;
const cells = (text: string) => [...text.matchAll(/^\| `([^`]+)` \|(?: `([^`]+)` \|)?/gm)].map((row) => row.slice(1));
const readForms = cells(section('| written |', 'What may be two'));
const unreadForms = cells(section('| not read |', 'Zones that'));

/** Text as it stands in a header that is read as Latin-1. */
const asBytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const shown = (text: string) => {
  const date = parseDate(asBytes(text));
  return date && internalDate(date);
};

const zoned = fc
  .record({
    seconds: fc.integer({ min: 1, max: 4_000_000_000 }),
    zone: fc.integer({ min: -12 * 60, max: 14 * 60 }),
  })
  .map(({ seconds, zone }): ZonedDate => ({ time: seconds * 1000, zone }));

describe('parseDate', () => {
  it('has forms in the documentation', () => {
    expect(readForms.length).toBeGreaterThan(40);
    expect(unreadForms.length).toBeGreaterThan(6);
  });

  it.each(readForms)('reads %j as documented', (text, expected) => {
    expect(shown(text!)).toBe(expected);
  });

  it.each(unreadForms)('does not read %j, as documented', (text) => {
    expect(shown(text!)).toBeUndefined();
  });

  it.each([
    ['Tue, 4 Mar 2014 10:20:30 +0100', '04-Mar-2014 10:20:30 +0100'],
    ['4 Mar 2014 10:20 GMT', '04-Mar-2014 10:20:00 +0000'],
    ['4 Mar 14 10:20:30 -0800 (PST)', '04-Mar-2014 10:20:30 -0800'],
    ['Tuesday, 04-Mar-99 10:20:30 EST', '04-Mar-1999 10:20:30 -0500'],
    ['4 Mar 2014 10:20:30 XYZ', '04-Mar-2014 10:20:30 +0000'],
    ['Tue, 4\r\n Mar 2014 (a comment) 10:20:30 +0530', '04-Mar-2014 10:20:30 +0530'],
    ['29 Feb 2012 00:00:00 +0000', '29-Feb-2012 00:00:00 +0000'],
    ['1 Jan 2017 00:59:60 +0100', '01-Jan-2017 01:00:00 +0100'],
    ['2014-03-04', '04-Mar-2014 00:00:00 +0000'],
    ['20140304', '04-Mar-2014 00:00:00 +0000'],
    ['2014/03/04 10:20:30 PST', '04-Mar-2014 10:20:30 -0800'],
    ['10:20:30 4 Mar 2014 +0100', '04-Mar-2014 10:20:30 +0100'],
    ['10:20 25-12-2003', '25-Dec-2003 10:20:00 +0000'],
    ['04.13.2003 10.20', '13-Apr-2003 10:20:00 +0000'],
    ['05/05/2003 10:20:30', '05-May-2003 10:20:30 +0000'],
    ['99/12/25 10:20:30', '25-Dec-1999 10:20:30 +0000'],
    ['4 Mar 2014 10h20', '04-Mar-2014 10:20:00 +0000'],
    ['4 Mar 2014 14:20 pm', '04-Mar-2014 14:20:00 +0000'],
    ['4 Mar 2014 12:20 p.m. EST', '04-Mar-2014 12:20:00 -0500'],
    ['4 Mar 2014 10:20:30-0500', '04-Mar-2014 10:20:30 -0500'],
    ['4 Mar 2014 10:20:30 UTC+2', '04-Mar-2014 10:20:30 +0200'],
    ['4 Mar 2014 10:20:30 +-0200', '04-Mar-2014 10:20:30 +0000'],
    ['4 Mar 2014 10:20:30 -1201', '04-Mar-2014 10:20:30 +0000'],
    ['4 Mar 2014 10:20:30 +1400', '04-Mar-2014 10:20:30 +1400'],
    ['4 Mar 2014 10:20:30 +0199', '04-Mar-2014 10:20:30 +0000'],
    ['4 Mar 2014 10:20:30 -0000', '04-Mar-2014 10:20:30 +0000'],
    ['Thu, 6 Oct 2022 12:27:13 (GMT+02:00)', '06-Oct-2022 12:27:13 +0200'],
    ['1 Oct 2015 14:40:57 (Mitteleurop\ufffdische Sommerzeit)', '01-Oct-2015 14:40:57 +0200'],
    ['mar 4 mar 2014 10:20:30', '04-Mar-2014 10:20:30 +0000'],
    ['mar mar 4 10:20:30 2014', '04-Mar-2014 10:20:30 +0000'],
    ['ter, 1 de março de 2014 10:20', '01-Mar-2014 10:20:00 +0000'],
    ['Mi., 23 Apr. 2025 09:48:37 +0200 (MESZ)', '23-Apr-2025 09:48:37 +0200'],
    ['4 Mar 0014 10:20:30 +0000', '04-Mar-2014 10:20:30 +0000'],
    ['=?utf-8?B?VHVlLCA0IE1hciAyMDE0IDEwOjIwOjMwICswMTAw?=', '04-Mar-2014 10:20:30 +0100'],
  ])('reads %j', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it.each(['latin1', 'utf8'] as const)('reads März in %s', (encoding) => {
    const text = Buffer.from('4 März 2014 10:20:30', encoding).toString('latin1');
    expect(internalDate(parseDate(text)!)).toBe('04-Mar-2014 10:20:30 +0000');
    expect(parseDate('4 M\ufffdrz 2014 10:20:30')).toBeDefined();
  });

  it.each([
    '',
    '29 Feb 2014 10:20:30 +0000',
    '0 Mar 2014 10:20:30 +0000',
    '4 Xyz 2014 10:20:30 +0000',
    '4 Mar 2014 24:00:01 +0000',
    '4 Mar 2014 10:60:00 +0000',
    '4 Mar 2014 10:20:61 +0000',
    '4 Mar 4 10:20:30',
    '4 Mar 2014 2015 10:20:30',
    'Mar 2014 10:20:30',
    '4 Mar Apr 2014 10:20:30',
    '2014-13-04 10:20:30',
    '2014-25-12 10:20:30',
    '31 Dec 9999 24:00:00 +0000',
    '4 Mar 29100 10:20:30',
    'Mon, 05/06/2002 05/06/2003',
    'id 4 with 4 Mar 2014 10:20:30',
    `${' '.repeat(400)}4 Mar 2014 10:20:30`,
  ])('does not believe %j', (text) => {
    expect(parseDate(text)).toBeUndefined();
  });

  it('knows the zones of the documentation, and no others', () => {
    const names = section('Zones that are known by name:', '`bst` is read').matchAll(/`(\w+)`/g);
    expect([...names].map(([, name]) => name).sort()).toEqual([...zones.keys()].sort());
    expect(shown('4 Mar 2014 10:20:30 bst')).toMatch(/\+0100$/);
  });

  it.each([...zones])('knows %s in every place of a zone', (name, minutes) => {
    for (const text of [`4 Mar 2014 10:20:30 ${name}`, `Tue Mar 4 10:20:30 ${name.toUpperCase()} 2014`]) {
      expect(parseDate(text)).toEqual({ time: Date.UTC(2014, 2, 4, 10, 20, 30) - minutes * 60_000, zone: minutes });
    }
  });
});

describe('dates of any text', () => {
  const same = (date: ZonedDate): void => {
    expect(parseDate(internalDate(date))).toEqual(date);
  };
  const words = fc.constantFrom(
    ...[
      'Tue,',
      '4',
      '31',
      'Mar',
      'Dec',
      'févr.',
      '14',
      '2014',
      '0102',
      '19102',
      '10:20',
      '23:59:60',
      '24:00:00',
      '10.20',
    ],
    ...[
      '-0000',
      '+1400',
      '-1200',
      '+9999',
      'PST',
      'PM',
      'AM',
      '(',
      ')',
      'CEST',
      '/',
      '.',
      '-',
      '2014-03-04T',
      '05/06/2003',
    ],
  );
  const worded = fc
    .array(fc.tuple(words, fc.constantFrom(' ', '', ', ', '-')), { maxLength: 10 })
    .map((parts) => parts.flat().join(''));

  fuzz('are read again from what internalDate writes', zoned, same);

  fuzz('never throw, and what they give is read again', fc.oneof(worded, fc.string({ maxLength: 90 })), (text) => {
    const date = parseDate(text);
    if (date) same(date);
  });

  fuzz('may stand among any bytes', fc.tuple(mailBytes, zoned, mailBytes), ([before, date, after]) => {
    const found = parseDate(`${before.toString('latin1')}${internalDate(date)}${after.toString('latin1')}`);
    if (found) same(found);
  });

  it('are not looked for in a megabyte', { timeout: 5000 }, () => {
    for (const unit of ['(', '1 ', '10:', '=?u?q?', '4 Mar ', ' ', '+', 'é']) {
      expect(parseDate(unit.repeat(1_048_576 / unit.length))).toBeUndefined();
    }
  });
});
