/** Filling empty fields of a CSV text, and leaving every other byte as it is. */
import { delimiterOf, splitRecord } from './csv.ts';

/** A record as it is written, quotation marks and all. */
interface RawRecord {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly fields: string[];
  /** Its line end; empty at the end of a file without one. */
  readonly end: string;
}

/** A CSV text whose records can be changed. The text must have been read without problems (csvRecords). */
export class CsvText {
  readonly #parts: (string | RawRecord)[] = [];
  readonly #records = new Map<number, RawRecord>();
  #delimiter = ',';
  #header: RawRecord | undefined;

  constructor(text: string) {
    const bom = text.startsWith('\ufeff') ? '\ufeff' : '';
    if (bom !== '') this.#parts.push(bom);
    let line = 1;
    for (let at = bom.length; at < text.length; ) {
      const end = this.#take(text, at, line);
      line += text.slice(at, end).split('\n').length - 1;
      at = end;
    }
  }

  /** Names of the columns in lower case, without the nameless ones that spreadsheets leave at the end. */
  get columns(): string[] {
    const names = (this.#header?.fields ?? []).map((field) => plainOf(field).trim().toLowerCase());
    while (names.at(-1) === '') names.pop();
    return names;
  }

  /** Adds a column at the end of those that have a name; every record gets an empty field there. */
  addColumn(name: string): void {
    const at = this.columns.length;
    for (const record of this.#records.values()) {
      if (record === this.#header) put(record, at, this.#quoted(name));
      else if (record.fields.some((field) => plainOf(field).trim() !== '')) put(record, at, record.fields[at] ?? '');
    }
  }

  /** Fills a field of the record that begins at a line. Throws where it is not there, or has a value. */
  fill(line: number, column: string, value: string): void {
    const record = this.#records.get(line);
    const at = this.columns.indexOf(column);
    if (!record || record === this.#header || at === -1) throw new Error(`no ${column} in line ${line}`);
    const before = record.fields[at] ?? '';
    if (plainOf(before).trim() !== '') throw new Error(`${column} in line ${line} has a value`);
    const written = before.startsWith('"') ? `"${value.replaceAll('"', '""')}"` : this.#quoted(value);
    put(record, at, written);
  }

  toString(): string {
    const text = (part: string | RawRecord) =>
      typeof part === 'string' ? part : part.fields.join(this.#delimiter) + part.end;
    return this.#parts.map(text).join('');
  }

  // A record, or a line that is none; returns where the next one begins.
  #take(text: string, at: number, line: number): number {
    const first = lineEnd(text, at);
    const raw = text.slice(at, first.text);
    if (raw.startsWith('#') || raw.trim() === '') {
      this.#parts.push(text.slice(at, first.next));
      return first.next;
    }
    if (!this.#header) this.#delimiter = delimiterOf(raw);
    let last = first;
    let split = splitRecord(raw, this.#delimiter);
    while (split === 'open' && last.next < text.length) {
      last = lineEnd(text, last.next);
      split = splitRecord(text.slice(at, last.text), this.#delimiter);
    }
    if (!Array.isArray(split)) throw new Error(`line ${line} is no record`);
    const fields = rawFields(text.slice(at, last.text), split);
    const record = { line, fields, end: text.slice(last.text, last.next) };
    this.#header ??= record;
    this.#records.set(line, record);
    this.#parts.push(record);
    return last.next;
  }

  #quoted(value: string): string {
    const plain = !/["\r\n]/.test(value) && !value.includes(this.#delimiter) && !/^#|^\s|\s$/.test(value);
    return plain ? value : `"${value.replaceAll('"', '""')}"`;
  }
}

/** Where a line's text ends, and where the next one begins. */
function lineEnd(text: string, from: number): { text: number; next: number } {
  const end = text.indexOf('\n', from);
  if (end < 0) return { text: text.endsWith('\r') ? text.length - 1 : text.length, next: text.length };
  return { text: end > from && text[end - 1] === '\r' ? end - 1 : end, next: end + 1 };
}

/** The values of a record with their quotation marks: what each took in the text follows from its value. */
function rawFields(text: string, values: readonly string[]): string[] {
  let at = 0;
  return values.map((value) => {
    const length = text[at] === '"' ? value.replaceAll('"', '""').length + 2 : value.length;
    const raw = text.slice(at, at + length);
    at += length + 1;
    return raw;
  });
}

function plainOf(raw: string): string {
  return raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw;
}

function put(record: RawRecord, at: number, raw: string): void {
  while (record.fields.length < at) record.fields.push('');
  record.fields[at] = raw;
}
