import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivalDate, type DateSource } from '../../src/message/arrival-date.ts';
import { internalDate } from '../../src/message/date.ts';
import { headerFields } from '../../src/message/header.ts';
import { fuzz, mailBytes } from '../fuzz.ts';

const now = Date.UTC(2020, 0, 1);
const arrivalBy = (source: DateSource, ...lines: string[]) => {
  const date = arrivalDate(headerFields(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)), now, source);
  return date && internalDate(date);
};
const arrival = (...lines: string[]) => arrivalBy('received', ...lines);
const date = 'Date: 1 Mar 2014 10:00:00 +0000';
/** A Received line of a day, in March 2014 where no more is said. */
const hop = (day: string, words = 'from a by b with ESMTP id 1') =>
  `Received: ${words}; ${day.includes(' ') ? day : `${day} Mar 2014`} 10:00:00 +0000`;

describe('arrivalDate', () => {
  it('is that of the uppermost Received line', () => {
    const lines = ['Received: from b; 3 Mar 2014 10:00:00 +0200', 'Received: from a; 2 Mar 2014 10:00:00 +0000', date];
    expect(arrival(...lines)).toBe('03-Mar-2014 10:00:00 +0200');
  });

  it('stands behind the last semicolon that is not in brackets', () => {
    expect(arrival('Received: from b (x; 9 Mar 2014 10:00:00 +0000); 3 Mar 2014 10:00:00 +0000')).toMatch(/^03/);
    expect(arrival('Received: from b; 3 Mar 2014 10:00:00 +0000 (UTC; a clock)')).toMatch(/^03/);
    expect(arrival('Received: from b (open; 3 Mar 2014 10:00:00 +0000')).toMatch(/^03/);
  });

  it('may be folded, and may stand without a semicolon', () => {
    expect(arrival('Received: from b\r\n\tby a; Mon,\r\n\t3 Mar 2014 10:00: \r\n 00 +0000')).toMatch(/^03/);
    expect(arrival('Received: from b by a with ESMTP id 12 Mon, 3 Mar 2014 10:00:00 +0000 (UTC)')).toMatch(/^03/);
  });

  it('is that of the next Received line where the date of one is not to be believed', () => {
    const lines = ['Received: from c; 1 Jan 2038 00:00:00 +0000', 'Received: from b; 1 Jan 1969 00:00:00 +0000'];
    expect(arrival(...lines, 'Received: from a; 2 Mar 2014 10:00:00 +0000', date)).toMatch(/^02-Mar/);
  });

  it('is Date where no Received line can be believed', () => {
    expect(arrival('Received: from a', date)).toBe('01-Mar-2014 10:00:00 +0000');
  });

  it('is left to the server where there is nothing to read', () => {
    expect(arrival('Subject: a')).toBeUndefined();
    expect(arrival('Received: from a', 'Date: yesterday')).toBeUndefined();
  });

  it('may lie up to a day ahead, as clocks and zones do, and is now beyond that', () => {
    expect(arrival('Date: 1 Jan 2020 23:00:00 +0000')).toBe('01-Jan-2020 23:00:00 +0000');
    expect(arrival('Date: 2 Jan 2020 00:00:01 +0000')).toBe('01-Jan-2020 00:00:00 +0000');
    expect(arrival(hop('1 Jan 2038'), 'Date: 1 Jan 2099 10:00:00 +0300')).toBe('01-Jan-2020 00:00:00 +0000');
  });

  it('is the beginning of 1970 where all lie before', () => {
    expect(arrival('Date: 1 Jan 1904 10:00:00 +0300')).toBe('01-Jan-1970 00:00:00 +0000');
    expect(arrival('Date: 1 Jan 1970 01:00:00 +0100')).toBe('01-Jan-1970 00:00:00 +0000');
  });

  it('is that of Date with dates: date, and of Received where Date says nothing', () => {
    expect(arrivalBy('date', hop('3'), date)).toMatch(/^01-Mar/);
    expect(arrivalBy('date', hop('3'))).toMatch(/^03-Mar/);
    expect(arrivalBy('date', hop('3'), 'Date: 1 Jan 2038 10:00:00')).toMatch(/^03-Mar/);
  });
});

describe('a line that a fetcher wrote', () => {
  it.each([
    'from pop.example.com [192.0.2.1] by localhost with POP3 (fetchmail-6.3.9) for <me@localhost> (single-drop)',
    'from imap.example.com by host with IMAP (fetchmail-6.4.16)',
    'from pop.example.com (192.0.2.1) by host with POP3 (getmail)',
    'from pop.example.com by mx.example.net with POP3S id q12',
    'by host with IMAP4',
    'by host (fetchmail-6.4.16 polling pop.example.com)',
  ])('is passed over: %s', (words) => {
    expect(arrival(hop('9 Mar 2019', words), hop('3'), date)).toMatch(/^03-Mar-2014/);
    expect(arrival(hop('9 Mar 2019', words), date)).toMatch(/^01-Mar-2014/);
    expect(arrival(hop('9 Mar 2019', words))).toMatch(/^09-Mar-2019/);
  });

  it.each([
    'from a (authenticated with POP3 before SMTP) by b with ESMTP',
    'from a by b with pop-before-smtp',
    'from pop3.example.com by imap.example.com with LMTP',
  ])('is not every line that speaks of POP3: %s', (words) => {
    expect(arrival(hop('3', words), hop('2'))).toMatch(/^03-Mar/);
  });
});

it('the thirty-first line is not looked at', () => {
  const fetched = Array.from({ length: 30 }, () => hop('9 Mar 2019', 'by localhost with POP3'));
  expect(arrival(...fetched, hop('3'))).toMatch(/^09-Mar-2019/);
  expect(arrival(...fetched.slice(1), hop('3'))).toMatch(/^03-Mar-2014/);
});

describe('a line that is contradicted', () => {
  it.each([
    ['a clock at the top that lost its time', [hop('1 Jan 2003'), hop('3'), date], /^03-Mar-2014/],
    ['the same without Date', [hop('1 Jan 2003'), hop('3')], /^03-Mar-2014/],
    ['a clock in the middle that lost its time', [hop('3'), hop('1 Jan 2003'), date], /^03-Mar-2014/],
    ['a clock below that is ahead', [hop('3'), hop('9 Sep 2017'), date], /^03-Mar-2014/],
    ['a sender whose clock is ahead', [hop('3'), hop('2'), 'Date: 9 Sep 2017 10:00:00'], /^03-Mar-2014/],
    ['a sender whose clock is ahead, and one hop', [hop('3'), 'Date: 9 Sep 2017 10:00:00'], /^03-Mar-2014/],
    [
      'a sender who forges lines and Date',
      [hop('3'), hop('2'), hop('9 Sep 2017'), 'Date: 9 Sep 2017 10:00'],
      /^03-Mar/,
    ],
    ['clocks that show another day at each hop', [hop('3'), hop('6'), hop('9'), hop('12'), date], /^09-Mar/],
    ['the same without Date', [hop('3'), hop('6'), hop('9'), hop('12')], /^12-Mar/],
    ['two dates, Date among them', [hop('1 Jan 2003'), hop('3'), 'Date: 9 Sep 2017 10:00'], /^03-Mar/],
    ['a day of disorder, which is no contradiction', [hop('2'), hop('3'), hop('3')], /^02-Mar-2014/],
    ['the same of two lines alone', [hop('2'), hop('3')], /^02-Mar-2014/],
    ['mail that was on its way for a year', [hop('3 Mar 2015'), hop('3'), date], /^03-Mar-2015/],
  ] as const)('by %s', (_, lines, expected) => {
    expect(arrival(...lines)).toMatch(expected);
  });
});

describe('of any header', () => {
  const line = fc.tuple(
    fc.constantFrom('Received: ', 'Date: ', 'Received: x; ', 'Received: (a; 4 Mar 2014 10:20);'),
    mailBytes,
  );
  const header = fc
    .array(line, { maxLength: 40 })
    .map((lines) => lines.map(([a, b]) => `${a}${b.toString('latin1')}\n`).join(''));

  fuzz(
    'the arrival is one that can be written, in its range',
    header,
    (text) => {
      const found = arrivalDate(headerFields(Buffer.from(text, 'latin1')), now);
      if (!found) return;
      expect(found.time).toBeGreaterThanOrEqual(0);
      expect(found.time).toBeLessThanOrEqual(now + 24 * 3600 * 1000);
      expect(internalDate(found)).toMatch(/^\d\d-[A-Z][a-z]{2}-(?:19|20)\d\d \d\d:\d\d:\d\d [+-]\d{4}$/);
    },
    300,
  );

  it('is found in a megabyte of brackets, of folds and of lines', { timeout: 5000 }, () => {
    for (const unit of ['(', ')(', ';', ' ', 'with ', '\n ', '\nReceived: x; ', '\nReceived: (;']) {
      const text = `Received: ${unit.repeat(Math.floor(1_048_576 / unit.length))}`;
      expect(arrivalDate(headerFields(Buffer.from(text)), now)).toBeUndefined();
    }
  });
});
