import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CsvRecord, csvRecords } from '../../src/accounts/csv.ts';
import { CsvText } from '../../src/accounts/csv-edit.ts';
import { Problems } from '../../src/accounts/problems.ts';

/** The records of a text, as lists are read. */
async function recordsOf(text: string): Promise<CsvRecord[]> {
  const problems = new Problems();
  const records: CsvRecord[] = [];
  async function* pieces() {
    yield text;
  }
  for await (const record of csvRecords(pieces(), problems)) records.push(record);
  problems.throwIfAny('list.csv');
  return records;
}

/** The text after these fills, `column: value` by line. */
function filled(text: string, fills: Record<number, Record<string, string>>, columns: string[] = []): string {
  const csv = new CsvText(text);
  for (const column of columns) csv.addColumn(column);
  for (const [line, values] of Object.entries(fills)) {
    for (const [column, value] of Object.entries(values)) csv.fill(Number(line), column, value);
  }
  return csv.toString();
}

describe('filling a CSV list', () => {
  it('changes the fields it fills and nothing else: order mark, line ends, comments, quotation marks', () => {
    const before =
      '\ufeff# mine\r\n\r\nid;pop_host;"pop_user"\r\n"a ""1""";;"x@y"\r\n# between\n b ;""; \r\n"many\r\nlines";;z\r\nlast;;q';
    const after = filled(before, {
      4: { pop_host: 'p.test' },
      6: { pop_host: 'q.test' },
      7: { pop_host: 'r;"test' },
      9: { pop_host: 's' },
    });
    expect(after).toBe(
      '\ufeff# mine\r\n\r\nid;pop_host;"pop_user"\r\n"a ""1""";p.test;"x@y"\r\n# between\n b ;"q.test"; \r\n"many\r\nlines";"r;""test";z\r\nlast;s;q',
    );
  });

  it('adds a column behind those that have a name, in every record', () => {
    const before = 'id,x_note,,\r\nann,n,,\r\n,,,\r\nben\t,m,,\r\n\r\n';
    expect(filled(before, { 2: { pop_host: 'p' }, 4: { imap_host: 'i' } }, ['pop_host', 'imap_host'])).toBe(
      'id,x_note,pop_host,imap_host\r\nann,n,p,\r\n,,,\r\nben\t,m,,i\r\n\r\n',
    );
    expect(filled('id\nann\nben', { 3: { a: 'b' } }, ['a'])).toBe('id,a\nann,\nben,b');
  });

  it('quotes what would be read as something else', () => {
    const before = 'a,id\n,1\n,2\n,3\n';
    expect(filled(before, { 2: { a: '#x' }, 3: { a: ' y' }, 4: { a: 'v,w' } })).toBe('a,id\n"#x",1\n" y",2\n"v,w",3\n');
  });

  it('never takes a value away', () => {
    const text = 'id,pop_host\nann,p\n';
    expect(() => filled(text, { 2: { pop_host: 'q' } })).toThrow('has a value');
    expect(() => filled(text, { 1: { pop_host: 'q' } })).toThrow('no pop_host in line 1');
    expect(() => filled(text, { 2: { imap_host: 'q' } })).toThrow('no imap_host');
  });

  it('of any list leaves all other values as they are read, and every byte where nothing is filled', async () => {
    const value = fc.oneof(
      fc.constantFrom(
        '',
        ' ',
        'ann@old.example',
        'a"b',
        'x,y',
        'm;n',
        'p\tq',
        '#c',
        'li\nne',
        'li\r\nne',
        'ü€\u{1f600}',
      ),
      fc.string({ maxLength: 5 }).map((text) => text.replace(/[\r\n\0]/g, '')),
    );
    const end = fc.constantFrom('\n', '\r\n');
    const list = fc.record({
      delimiter: fc.constantFrom(',', ';', '\t'),
      mark: fc.boolean(),
      rows: fc.array(
        fc.record({
          values: fc.tuple(value, value),
          always: fc.boolean(),
          end,
          before: fc.constantFrom('', '# c\n', '\r\n', '  \n'),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      last: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(list, async ({ delimiter, mark, rows, last }) => {
        const cell = (text: string, always: boolean) =>
          always || /["\r\n,;\t]|^#|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
        const lines = rows.map(({ values, always, before, end: close }, at) => {
          const record = [...values, ''].map((each) => cell(each, always)).join(delimiter);
          return `${before}${record}${last && at === rows.length - 1 ? '' : close}`;
        });
        const text = `${mark ? '\ufeff' : ''}${['one', 'two', 'pop_host'].join(delimiter)}\n${lines.join('')}`;
        expect(new CsvText(text).toString()).toBe(text);
        const [, ...records] = await recordsOf(text);
        const csv = new CsvText(text);
        csv.addColumn('imap_host');
        const full = records.filter(({ fields }) => fields.some((field) => field.trim() !== ''));
        for (const { line } of full) csv.fill(line, 'pop_host', `h"${delimiter}${line}`);
        const [head, ...after] = await recordsOf(csv.toString());
        expect(head!.fields).toEqual(['one', 'two', 'pop_host', 'imap_host']);
        expect(after.map(({ line, fields }) => [line, ...fields])).toEqual(
          records.map((record) =>
            full.includes(record)
              ? [record.line, ...record.fields.slice(0, 2), `h"${delimiter}${record.line}`, '']
              : [record.line, ...record.fields],
          ),
        );
      }),
    );
  });
});
