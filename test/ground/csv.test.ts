import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvLine, exactCsvLine } from '../../src/ground/csv.ts';
import { fuzz } from '../fuzz.ts';

const cells: [string, string | number, string][] = [
  ['plain text', 'alice', 'alice'],
  ['a number', 17, '17'],
  ['a negative number of ours', -1.5, '-1.5'],
  ['nothing', '', ''],
  ['a formula', '=1+1', "'=1+1"],
  ['a plus', '+49 30', "'+49 30"],
  ['a minus', '-1', "'-1"],
  ['an at sign', '@SUM(A1)', "'@SUM(A1)"],
  ['a bar', '|calc', "'|calc"],
  ['a percent sign', '%1', "'%1"],
  ['a tab', '\t=1', '"\'\t\'=1"'],
  ['a carriage return', '\rx', '"\'\rx"'],
  ['a line feed', '\nx', '"\'\nx"'],
  ['a formula behind spaces', '  =1', "'  =1"],
  ['a formula behind a no-break space', '\u00a0=1', "'\u00a0=1"],
  ['a formula behind a byte order mark', '\ufeff=1', "'\ufeff=1"],
  ['a formula behind what has no width', '\u200b\u2060=1', "'\u200b\u2060=1"],
  ['a formula behind a mark of direction', '\u202e=1', "'\u202e=1"],
  ['a formula in full width', '＝1', "'＝1"],
  ['a formula behind a quotation mark', '="a,b"', '"\'=""a,b"""'],
  ['a formula behind a semicolon', "x;=cmd|' /C calc'!A0", "\"x;'=cmd|' /C calc'!A0\""],
  ['an equals sign inside', '<a=b@c>', '<a=b@c>'],
  ['a comma', 'a,b', '"a,b"'],
  ['a semicolon', 'a;b', '"a;b"'],
  ['quotation marks', 'say "hi"', '"say ""hi"""'],
  ['a line break', 'a\r\nb', '"a\r\nb"'],
];

describe('a line', () => {
  it.each(cells)('with %s', (_, value, text) => {
    expect(csvLine([value, 'x'])).toBe(`${text},x\r\n`);
  });
});

/** What a spreadsheet makes of a line, quoted as RFC 4180 has it. */
function cellsOf(line: string): string[] {
  const found: string[] = [];
  for (const [, quoted, plain = ''] of `,${line.slice(0, -2)}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,"]*))/g)) {
    found.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
  }
  return found;
}

/** As a spreadsheet may see it: without what is a space or has no width, full width folded. */
const seen = (text: string) =>
  text
    .replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replace(/[\p{Z}\p{Cf}\p{Cc}]/gu, '');

const parts = fc.constantFrom(
  ...'=+-@|%＝＠ \t\r\n,;"\'',
  'cmd',
  '\u00a0',
  '\ufeff',
  '\u200b',
  '\u202e',
  '\u0000',
  'ü',
  '1',
);
const text = fc.oneof(
  fc.array(parts, { maxLength: 8 }).map((some) => some.join('')),
  fc.string({ unit: 'binary', maxLength: 12 }),
);

describe('any line', () => {
  fuzz('no cell begins a formula, wherever it is cut', fc.array(text, { minLength: 1, maxLength: 5 }), (values) => {
    const line = csvLine(values);
    const shown = cellsOf(line);
    expect(shown).toHaveLength(values.length);
    for (const cell of shown.flatMap((one) => [one, ...one.split(/[;\t\r\n]/)])) {
      expect(seen(cell)).not.toMatch(/^[=+\-@|%]/);
    }
    for (const cell of shown) expect(cell).not.toMatch(/^[\t\r\n]/);
  });

  fuzz('nothing is lost but for apostrophes', fc.array(text, { minLength: 1, maxLength: 5 }), (values) => {
    const bare = (some: readonly string[]) => some.map((one) => one.replaceAll("'", ''));
    expect(bare(cellsOf(csvLine(values)))).toEqual(bare(values));
    expect(cellsOf(exactCsvLine(values))).toEqual(values);
  });

  fuzz('a number stays one', fc.integer(), (value) => {
    expect(csvLine([value])).toBe(`${value}\r\n`);
  });
});
