/** Repairs of headers, which are held in memory whole. What they give is ASCII and text that means the same. */
import { isUtf8 } from 'node:buffer';

/** Fields in which a quoted string is a name, so that an encoded word must stand without quotes (RFC 2047 §5). */
const addressFields = /^(?:resent-)?(?:from|to|cc|bcc|sender|reply-to)$/;
/** Fields of words with a meaning, whose marks stay where they are. */
const structuredFields =
  /^(?:content-(?!description)|mime-|received|return-path|message-id|in-reply-to|references|date)/;
/** RFC 2047 §2: an encoded word has at most 75 characters. */
const wordBytes = 42;

interface Field {
  /** In lower case; empty where the line is no field. */
  readonly name: string;
  readonly lines: string[];
}

/**
 * A header without 8-bit bytes: words that have some become encoded words (RFC 2047), as UTF-8 where they are that, else
 * as `unknown-8bit` (RFC 1428 §3), which loses none of their bytes. In lines that are no field they become `?`.
 */
export function asciiHeader(header: Buffer): Buffer {
  if (!has8Bit(header.toString('latin1'))) return header;
  const text = fieldsOf(header.toString('latin1')).map(asciiField).join('');
  return Buffer.from(text, 'latin1');
}

/** Where the empty line belongs: before the first line that is no part of a header, else at the end. */
export function missingSeparatorAt(message: Buffer): number {
  let at = 0;
  for (const { name, lines } of fieldsOf(message.toString('latin1'))) {
    const mbox = at === 0 && /^>?From /.test(lines[0]!);
    if (name === '' && !mbox) return at;
    for (const line of lines) at += line.length;
  }
  return at;
}

function fieldsOf(text: string): Field[] {
  const fields: Field[] = [];
  for (const line of text.split(/(?<=\n)/)) {
    const last = fields.at(-1);
    if ((line.startsWith(' ') || line.startsWith('\t')) && last && last.name !== '') last.lines.push(line);
    else {
      const colon = line.indexOf(':');
      const name = colon > 0 ? line.slice(0, colon).trimEnd().toLowerCase() : '';
      fields.push({ name: /^[\x21-\x39\x3b-\x7e]+$/.test(name) ? name : '', lines: [line] });
    }
  }
  return fields;
}

function asciiField({ name, lines }: Field): string {
  return lines
    .map((line, i) => {
      if (!has8Bit(line)) return line;
      if (name === '') return line.replace(/[\x80-\xff]/g, '?');
      const from = i === 0 ? line.indexOf(':') + 1 : 0;
      const end = /[\r\n]/.exec(line)?.index ?? line.length;
      const ended = line.slice(end).replace(/[\x80-\xff]/g, '?');
      return line.slice(0, from) + asciiText(name, line.slice(from, end)) + ended;
    })
    .join('');
}

interface Part {
  readonly kind: 'word' | 'space' | 'mark';
  readonly text: string;
}

/** Neighbouring words with 8-bit bytes become one run: blanks between encoded words are not shown (RFC 2047 §6.2). */
function asciiText(name: string, text: string): string {
  const parts = partsOf(name, text);
  let out = '';
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]!;
    if (part.kind !== 'word' || !has8Bit(part.text)) {
      out += part.text;
      continue;
    }
    let run = part.text;
    while (parts[at + 1]?.kind === 'space' && parts[at + 2]?.kind === 'word' && has8Bit(parts[at + 2]!.text)) {
      run += parts[at + 1]!.text + parts[at + 2]!.text;
      at += 2;
    }
    out += encodedWords(run);
  }
  return out;
}

/** Words and what stands between them. Quotes around a name with 8-bit bytes are left out. */
function partsOf(name: string, text: string): Part[] {
  const address = addressFields.test(name);
  const marks = address || structuredFields.test(name) ? /["(),<>@;:\\[\]=]/ : undefined;
  const parts: Part[] = [];
  let word = '';
  let quotesClose = address;
  const add = (kind: Part['kind'], one: string) => {
    if (word !== '') parts.push({ kind: 'word', text: word });
    word = '';
    if (one !== '') parts.push({ kind, text: one });
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!;
    const quoted = quotesClose && char === '"' ? closedQuote(text, at) : undefined;
    // Nothing closes those behind it either, and looking for each would take the square of the line
    if (char === '"' && !quoted) quotesClose = false;
    if (quoted) {
      add(has8Bit(quoted) ? 'word' : 'mark', has8Bit(quoted) ? quoted.slice(1, -1).replace(/\\(.)/g, '$1') : quoted);
      at += quoted.length - 1;
    } else if (char === ' ' || char === '\t') add('space', char);
    else if (marks?.test(char)) add('mark', char);
    else word += char;
  }
  add('space', '');
  return joinedSpaces(parts);
}

/** The quoted string that begins here, or undefined where nothing closes it. */
function closedQuote(text: string, from: number): string | undefined {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return text.slice(from, at + 1);
  }
  return undefined;
}

function joinedSpaces(parts: readonly Part[]): Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.kind === 'space' && last?.kind === 'space')
      joined[joined.length - 1] = { kind: 'space', text: last.text + part.text };
    else joined.push(part);
  }
  return joined;
}

/** Encoded words on lines of their own, so that no line grows long. */
function encodedWords(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  const utf8 = isUtf8(bytes);
  const words: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    let to = Math.min(from + wordBytes, bytes.length);
    // RFC 2047 §5: a character is not split between two of them
    while (utf8 && to < bytes.length && (bytes[to]! & 0xc0) === 0x80) to -= 1;
    words.push(`=?${utf8 ? 'utf-8' : 'unknown-8bit'}?B?${bytes.subarray(from, to).toString('base64')}?=`);
    from = to;
  }
  return words.join('\r\n ');
}

function has8Bit(text: string): boolean {
  return /[\x80-\xff]/.test(text);
}
