import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstField, headerEnd, headerFields } from '../../src/message/header.ts';

const end = (text: string) => headerEnd(Buffer.from(text, 'latin1'));
const fields = (text: string) => headerFields(Buffer.from(text, 'latin1'));
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
/** Bytes among which line ends, colons and blanks are common. */
const lineBytes = fc
  .array(fc.constantFrom('\r', '\n', '\r\n', 'a', 'B', ':', ' ', '\t', '\0', '\xff', 'Subject: x\r\n'), {
    maxLength: 60,
  })
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

describe('headerEnd', () => {
  it.each([
    ['lines that end in CRLF', 'a: b\r\n\r\nbody', 8],
    ['lines that end in LF', 'a: b\n\nbody', 6],
    ['CRLF before an empty line of LF', 'a: b\r\n\nbody', 7],
    ['LF before an empty line of CRLF', 'a: b\n\r\nbody', 7],
    ['several CR before one LF', 'a: b\r\r\n\r\r\nbody', 10],
    ['a message without a header', '\r\nbody', 2],
    ['a message that begins with LF', '\nbody', 1],
    ['a header and no body', 'a: b\r\n\r\n', 8],
  ])('finds the place behind the empty line: %s', (_, text, place) => {
    expect(end(text)).toBe(place);
  });

  it.each(['', '\r', 'a: b', 'a: b\r\n', 'a: b\r\n\r', 'a: b\r\n b\r\n', 'a: b\r\rbody'])(
    'finds none where no line is empty: %j',
    (text) => {
      expect(end(text)).toBe(-1);
    },
  );

  it('finds an empty line at the beginning whatever ends it', () => {
    expect(end('\r\r\nbody')).toBe(3);
  });

  it('is where a line of nothing but CR and LF ends, for any bytes', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, lineBytes), (message) => {
        const found = /^\r*\n|\n\r*\n/.exec(message.toString('latin1'));
        expect(headerEnd(message)).toBe(found ? found.index + found[0].length : -1);
      }),
      { examples: [[Buffer.from('\r\r\nbody')]] },
    );
  });

  it('does not depend on what follows the header', () => {
    fc.assert(
      fc.property(lineBytes, bytes, (header, body) => {
        const place = headerEnd(header);
        fc.pre(place !== -1);
        expect(headerEnd(Buffer.concat([header, body]))).toBe(place);
      }),
    );
  });
});

describe('headerFields', () => {
  it('unfolds values and keeps those of one name in their order', () => {
    const found = fields('Received: one\r\n\tgoes on\r\nSUBJECT: a\r\nreceived: two\r\n\r\n');
    expect(found.get('received')).toEqual([' one\tgoes on', ' two']);
    expect(firstField(found, 'subject')).toBe('a');
  });

  it('passes over the first line of an mbox and over lines that are no field', () => {
    const found = fields('From a@example.net Tue Mar  4 10:20:30 2014\r\nno field\r\n: nothing\r\nTo: b\r\n\r\n');
    expect([...found.keys()]).toEqual(['to']);
  });

  it('does not take the continuation of a line that is no field for a field', () => {
    expect(firstField(fields('Subject: a\r\nno field\r\n b\r\nTo: c\r\n'), 'subject')).toBe('a');
  });

  it.each(['\r\n\r\n', '\n\n', '\n\r\n', '\r\n\r\r\n'])('ends at the first empty line: %j', (ends) => {
    const header = Buffer.from(`Subject: a${ends}From: b\r\n\r\n`);
    expect([...headerFields(header).keys()]).toEqual(['subject']);
  });

  it('takes blanks before the colon', () => {
    expect(firstField(fields('Subject \t: a\n'), 'subject')).toBe('a');
  });

  it('reads equal fields whatever ends the lines', () => {
    const lines = ['Subject: a', ' b', 'From: c', ''];
    const [first, ...others] = ['\n', '\r\n', '\r\r\n'].map((ending) => fields(lines.join(ending)));
    for (const other of others) expect(other).toEqual(first);
  });

  it('never throws, and gives the bytes of a value back', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, lineBytes), (header) => {
        const text = header.toString('latin1');
        for (const [name, values] of headerFields(header)) {
          expect(name).toBe(name.toLowerCase());
          for (const value of values) for (const line of value.split(/[ \t]/)) expect(text).toContain(line);
        }
      }),
    );
  });

  it('does not hang on a header of nothing but CR', { timeout: 3000 }, () => {
    expect(headerFields(Buffer.alloc(131_072, '\r')).size).toBe(0);
  });
});

describe('firstField', () => {
  it('folds white space and gives an empty text for a field that is not there', () => {
    const found = fields('Subject:  a \t\r\n  b  \r\n');
    expect(firstField(found, 'subject')).toBe('a b');
    expect(firstField(found, 'to')).toBe('');
  });
});
