import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivalDate, internalDate, parseDate, type ZonedDate } from '../../src/message/date.ts';
import { headerFields } from '../../src/message/header.ts';

const zoned = fc
  .record({
    seconds: fc.integer({ min: 1, max: 4_000_000_000 }),
    zone: fc.integer({ min: -16 * 60, max: 16 * 60 }),
  })
  .map(({ seconds, zone }): ZonedDate => ({ time: seconds * 1000, zone }));

const shown = (text: string) => {
  const date = parseDate(text);
  return date && internalDate(date);
};

describe('parseDate', () => {
  it.each([
    ['Tue, 4 Mar 2014 10:20:30 +0100', '04-Mar-2014 10:20:30 +0100'],
    ['4 Mar 2014 10:20 GMT', '04-Mar-2014 10:20:00 +0000'],
    ['4 Mar 14 10:20:30 -0800 (PST)', '04-Mar-2014 10:20:30 -0800'],
    ['Tuesday, 04-Mar-99 10:20:30 EST', '04-Mar-1999 10:20:30 -0500'],
    ['4 Mar 104 10:20:30 +0000', '04-Mar-2004 10:20:30 +0000'],
    ['4 Mar 2014 10:20:30 XYZ', '04-Mar-2014 10:20:30 +0000'],
    ['4 March 2014 10.20.30', '04-Mar-2014 10:20:30 +0000'],
    ['Tue, 4\r\n Mar 2014 (a comment) 10:20:30 +0530', '04-Mar-2014 10:20:30 +0530'],
    ['29 Feb 2012 00:00:00 +0000', '29-Feb-2012 00:00:00 +0000'],
    ['1 Jan 2017 00:59:60 +0100', '01-Jan-2017 01:00:00 +0100'],
  ])('reads %j', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it.each([
    '',
    'yesterday',
    '31 Feb 2014 10:20:30 +0000',
    '29 Feb 2014 10:20:30 +0000',
    '0 Mar 2014 10:20:30 +0000',
    '4 Xyz 2014 10:20:30 +0000',
    '4 Mar 2014 24:00:00 +0000',
    '4 Mar 2014 10:60:00 +0000',
    '4 Mar 2014 10:20:61 +0000',
    '4 Mar 2014 10:20:30 +9900',
    '4 Mar 2014 10:20:30 +0199',
    '2014-03-04T10:20:30Z',
  ])('does not believe %j', (text) => {
    expect(parseDate(text)).toBeUndefined();
  });

  it('believes the leap second of a day', () => {
    expect(shown('Sat, 31 Dec 2016 23:59:60 +0000')).toMatch(/^(?:31-Dec-2016 23:59:59|01-Jan-2017 00:00:00) \+0000$/);
  });

  it('reads what internalDate writes', () => {
    fc.assert(
      fc.property(zoned, (date) => {
        expect(parseDate(internalDate(date))).toEqual(date.zone === 0 ? { ...date, zone: 0 } : date);
      }),
    );
  });

  it('never throws, and what it gives can be written', () => {
    const word = fc.constantFrom(
      'Tue,',
      '4',
      '31',
      'Mar',
      'Dec',
      '14',
      '2014',
      '10:20',
      '23:59:60',
      '-0000',
      'PST',
      '(',
      ')',
    );
    const text = fc.oneof(
      fc.string({ maxLength: 80 }),
      fc.array(word, { maxLength: 9 }).map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(text, (date) => {
        const read = parseDate(date);
        if (read) expect(internalDate(read)).toMatch(/^\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('arrivalDate', () => {
  const now = Date.UTC(2020, 0, 1);
  const arrival = (...lines: string[]) => {
    const date = arrivalDate(headerFields(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)), now);
    return date && internalDate(date);
  };
  const date = 'Date: 1 Mar 2014 10:00:00 +0000';

  it('is that of the uppermost Received line', () => {
    const lines = ['Received: from b; 3 Mar 2014 10:00:00 +0200', 'Received: from a; 2 Mar 2014 10:00:00 +0000', date];
    expect(arrival(...lines)).toBe('03-Mar-2014 10:00:00 +0200');
  });

  it('stands behind the last semicolon', () => {
    expect(arrival('Received: from b (x; 9 Mar 2014 10:00:00 +0000); 3 Mar 2014 10:00:00 +0000')).toMatch(/^03/);
  });

  it('is that of the next Received line where the date of one is not to be believed', () => {
    const lines = ['Received: from c; 1 Jan 2038 00:00:00 +0000', 'Received: from b; 1 Jan 1969 00:00:00 +0000'];
    expect(arrival(...lines, 'Received: from a; 2 Mar 2014 10:00:00 +0000', date)).toMatch(/^02-Mar/);
  });

  it('is Date where no Received line can be believed', () => {
    expect(arrival('Received: from a', date)).toBe('01-Mar-2014 10:00:00 +0000');
  });

  it('is left to the server where there is nothing to believe', () => {
    expect(arrival('Subject: a')).toBeUndefined();
    expect(arrival('Date: 1 Jan 2030 10:00:00 +0000')).toBeUndefined();
  });

  it('may lie up to a day ahead, as clocks and zones do', () => {
    expect(arrival('Date: 1 Jan 2020 23:00:00 +0000')).toBeDefined();
    expect(arrival('Date: 2 Jan 2020 00:00:01 +0000')).toBeUndefined();
  });
});
