/** docs/refusals.md held against the code, and both against any bytes. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { classifyRefusal, type RefusalVerdict } from '../../src/imap/classify-append.ts';
import { readAppendUid, readList, readResponse } from '../../src/imap/response.ts';
import { LineTooLong, ResponseReader } from '../../src/imap/response-reader.ts';
import { fuzz, mailBytes } from '../fuzz.ts';

const page = readFileSync(new URL('../../docs/refusals.md', import.meta.url), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** Examples of what a cell of the table names: `[CODE]` with the text, or a text alone. */
function examples(cell: string): { responseCode: string | undefined; text: string }[] {
  const about = cell.includes('about bandwidth') ? 'Account exceeded bandwidth' : '';
  const size = cell.includes('about size') ? 'Mail size is too big' : '';
  const flag = cell.includes('about a flag') ? 'Contains Deleted flag' : '';
  const codes = [...cell.matchAll(/\[([A-Z-]+)\]/g)].map(([, code]) => ({
    responseCode: code,
    text: about || size || (code === 'CANNOT' ? flag : code === 'CLIENTBUG' ? 'Additional arguments found' : ''),
  }));
  const texts = [...cell.matchAll(/"([^"]+)"/g)].map(([, text]) => ({
    responseCode: undefined,
    text: text!.replace(': N', ': 1000 milliseconds'),
  }));
  return [...codes, ...texts];
}

const answers = rows.filter(
  (cells) => cells.length === 5 && /NO|BAD|\[|"/.test(cells[1]!) && !/^`[a-z]/.test(cells[1]!),
);
const repairs = rows.filter((cells) =>
  loadSettings({ env: {}, options: {} }).repairs.some((name) => cells[1] === `\`${name}\``),
);

describe('docs/refusals.md', () => {
  it('has a table of answers and one of repairs', () => {
    expect(answers.length).toBeGreaterThan(12);
    expect(repairs.length).toBe(loadSettings({ env: {}, options: {} }).repairs.length);
  });

  it.each(answers.map((cells) => [cells[1]!, cells[2]!]))('%s: %s', (cell, action) => {
    for (const example of examples(cell)) {
      expect([example, classifyRefusal({ reply: 'NO', ...example }).action]).toEqual([example, action]);
    }
  });

  it.each(repairs.map((cells) => [cells[1]!.replaceAll('`', ''), cells[2]!]))('%s on %s', (name, cell) => {
    for (const { text } of examples(cell)) {
      const verdict = classifyRefusal({ reply: 'NO', responseCode: undefined, text });
      expect([text, verdict.repair]).toEqual([text, name]);
    }
  });
});

const actions: readonly RefusalVerdict['action'][] = [
  'message',
  'again',
  'flags',
  'create',
  'account-full',
  'wait',
  'account',
];
const codes = ['TRYCREATE', 'LIMIT', 'CANNOT', 'OVERQUOTA', 'CLIENTBUG', 'SERVERBUG', 'INUSE', 'X', '', undefined];

describe('whatever a server says', () => {
  const refusals = fc.record({
    reply: fc.constantFrom('NO' as const, 'BAD' as const),
    responseCode: fc.constantFrom(...codes),
    text: fc.oneof(
      fc.string({ maxLength: 2000 }),
      mailBytes.map((bytes) => bytes.toString('latin1')),
    ),
  });
  fuzz('a refusal has one meaning', refusals, (refusal) => {
    const { action, waitMs } = classifyRefusal(refusal);
    expect(actions).toContain(action);
    if (waitMs !== undefined) expect(Number.isSafeInteger(waitMs) && waitMs >= 0).toBe(true);
  });

  it('a long one is read in a moment', () => {
    const long = [
      'header '.repeat(150_000),
      `8bit ${'x'.repeat(1_000_000)}`,
      '['.repeat(1_000_000),
      'backoff time '.repeat(80_000),
    ];
    for (const text of long)
      expect(actions).toContain(classifyRefusal({ reply: 'NO', responseCode: undefined, text }).action);
  });

  const wire = fc.array(
    fc.oneof(
      fc.constantFrom(
        '* ',
        'h1 ',
        '+ ',
        'OK',
        'NO',
        'BAD',
        'BYE',
        '[',
        ']',
        ' ',
        '\r\n',
        '\n',
        '\r',
        '{3}',
        '{99999}',
        '"',
      ),
      fc.constantFrom('APPENDUID 1 2:3', 'ALERT', 'PERMANENTFLAGS (', '(\\Seen)', 'EXISTS', '1:4294967295', '\0'),
      fc.string({ unit: 'binary', maxLength: 30 }),
    ),
    { maxLength: 80 },
  );
  const streams = fc.record({
    bytes: wire.map((parts) => Buffer.from(parts.join(''), 'latin1')),
    step: fc.integer({ min: 1, max: 40 }),
  });
  fuzz(
    'its bytes become the same answers at any cut, and too long a line the defined error',
    streams,
    ({ bytes, step }) => {
      const lineMaxBytes = 300;
      const read = (size: number) => {
        const seen: unknown[] = [];
        const reader = new ResponseReader(lineMaxBytes, (response) => seen.push(response));
        try {
          for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
        } catch (error) {
          expect(error).toBeInstanceOf(LineTooLong);
          seen.push('too long');
        }
        return seen;
      };
      expect(read(step)).toEqual(read(Math.max(1, bytes.length)));
      for (const one of read(step)) expect(JSON.stringify(one).length).toBeLessThan(10 * lineMaxBytes);
    },
  );

  fuzz('a line is an answer, and its codes are bounded', fc.string({ unit: 'binary', maxLength: 300 }), (line) => {
    expect(['continuation', 'status', 'data', 'unknown']).toContain(readResponse(line).kind);
    expect(readAppendUid(line, 10)?.uids.length ?? 10).toBe(10);
    expect(readList(line).length).toBeLessThanOrEqual(line.length);
  });
});
