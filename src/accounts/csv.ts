/** The account list as CSV (RFC 4180), record by record with the lines they begin at. */
import type { Problems } from './problems.ts';

/** A record of a CSV file; `line` is where it begins, from 1. */
export interface CsvRecord {
  line: number;
  fields: string[];
}

interface Line {
  line: number;
  text: string;
}

/** Longest line, in characters. */
const maxLineLength = 256 * 1024;
/** A quoted value may go over this many lines; after that its quotation mark counts as never closed. */
const maxLinesOfRecord = 20;

/**
 * The records of a CSV text that arrives in pieces: blank lines and lines that begin with # are left out, a byte
 * order mark too. The delimiter is the one of `,` `;` and tab that the first record has most of. Records with wrong
 * quotation marks are noted in `problems`, and reading goes on with the next line. Nothing of the text is quoted.
 */
export async function* csvRecords(pieces: AsyncIterable<string>, problems: Problems): AsyncGenerator<CsvRecord> {
  const lines = linesOf(pieces, problems);
  const putBack: Line[] = [];
  const next = async () => putBack.shift() ?? ((await lines.next()).value as Line | undefined);
  let delimiter: string | undefined;
  for (let first = await next(); first !== undefined; first = await next()) {
    if (first.text.startsWith('#') || first.text.trim() === '') continue;
    delimiter ??= delimiterOf(first.text);
    const held: Line[] = [];
    let text = first.text;
    let split = splitRecord(text, delimiter);
    while (split === 'open' && held.length < maxLinesOfRecord) {
      const more = await next();
      if (more === undefined) break;
      held.push(more);
      text += `\n${more.text}`;
      split = splitRecord(text, delimiter);
    }
    if (Array.isArray(split)) yield { line: first.line, fields: split };
    else {
      problems.add(`line ${first.line}`, wrongQuotes[split]);
      putBack.unshift(...held);
    }
  }
}

const wrongQuotes = {
  open: 'a quotation mark is not closed',
  stray: 'a quotation mark stands inside a value; enclose the value in quotation marks and double those inside',
};

/**
 * The values of one record (RFC 4180 §2, rules 5 to 7). `open`: it ends inside quotation marks. `stray`: a quotation
 * mark is neither at the edge of a value nor doubled inside a quoted one.
 */
export function splitRecord(text: string, delimiter: string): string[] | 'open' | 'stray' {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let end: number;
    if (text[at] === '"') {
      end = closingQuote(text, at + 1);
      if (end < 0) return 'open';
      fields.push(text.slice(at + 1, end).replaceAll('""', '"'));
      end++;
      if (end < text.length && text[end] !== delimiter) return 'stray';
    } else {
      end = text.indexOf(delimiter, at);
      if (end < 0) end = text.length;
      const field = text.slice(at, end);
      if (field.includes('"')) return 'stray';
      fields.push(field);
    }
    if (end >= text.length) return fields;
    at = end + 1;
  }
}

function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

/** Which of `,` `;` and tab the header line has most of. */
export function delimiterOf(header: string): string {
  const counts = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: header.split(delimiter).length }));
  return counts.reduce((best, other) => (other.count > best.count ? other : best)).delimiter;
}

async function* linesOf(pieces: AsyncIterable<string>, problems: Problems): AsyncGenerator<Line> {
  let rest = '';
  let line = 1;
  for await (const piece of pieces) {
    rest += line === 1 && rest === '' ? piece.replace(/^\ufeff/, '') : piece;
    let from = 0;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', from)) {
      yield { line: line++, text: rest.slice(from, rest[end - 1] === '\r' ? end - 1 : end) };
      from = end + 1;
    }
    rest = rest.slice(from);
    if (rest.length > maxLineLength) {
      problems.add(`line ${line}`, `is longer than ${maxLineLength} characters; the list is read no further`);
      return;
    }
  }
  if (rest !== '') yield { line, text: rest.replace(/\r$/, '') };
}
