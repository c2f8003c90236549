/** Reading the header of a message without touching the message: the only place where its bytes become text. */

/** Field names in lower case → unfolded values, in the order of the message. */
export type HeaderFields = ReadonlyMap<string, readonly string[]>;

/**
 * Where the header ends, counted in bytes from the beginning: behind the first empty line, whatever mixture of CR and
 * LF ends the lines; -1 when `bytes` holds no empty line.
 */
export function headerEnd(bytes: Buffer): number {
  let first = 0;
  while (bytes[first] === CR) first += 1;
  if (bytes[first] === LF) return first + 1;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    let next = at + 1;
    while (bytes[next] === CR) next += 1;
    if (bytes[next] === LF) return next + 1;
  }
  return -1;
}

/**
 * The fields of a header (RFC 5322 §2.2). Bytes are read as Latin-1, so that none is lost and equal bytes give equal
 * text. A leading mbox `From ` line and lines that are no field are passed over. What stands behind the first empty line
 * is no header, though the server that cut it out sees another line end there: both sides must see the same fields.
 */
export function headerFields(header: Buffer): HeaderFields {
  const fields = new Map<string, string[]>();
  const text = header.toString('latin1');
  let current: string[] | undefined;
  for (let at = 0, next = 0; at <= text.length; at = next) {
    const feed = text.indexOf('\n', at);
    next = feed === -1 ? text.length + 1 : feed + 1;
    const line = text.slice(at, endOfLine(text, at, next - 1));
    if (line === '') break;
    // RFC 5322 §2.2.3: a line that begins with white space continues the field before it.
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (current) current[current.length - 1] += line;
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon > 0 ? fieldName(line.slice(0, colon)) : '';
    current = undefined;
    if (name === '') continue;
    current = fields.get(name) ?? [];
    current.push(line.slice(colon + 1));
    fields.set(name, current);
  }
  return fields;
}

const namesMax = 2000;
const nameMaxLength = 64;
/** Names as they are written, in lower case; empty for what is none. The same few hundred stand in all mail. */
const names = new Map<string, string>();

/** The name of a field in lower case; empty where it is none (RFC 5322 §3.6.8). */
function fieldName(written: string): string {
  const known = names.get(written);
  if (known !== undefined) return known;
  const lower = written.trimEnd().toLowerCase();
  const name = /^[\x21-\x39\x3b-\x7e]+$/.test(lower) ? lower : '';
  // Copied: a slice would keep the whole header that it was cut from in memory.
  if (names.size < namesMax && written.length <= nameMaxLength) {
    names.set(Buffer.from(written, 'latin1').toString('latin1'), Buffer.from(name, 'latin1').toString('latin1'));
  }
  return name;
}

/** The first value of a field, trimmed, its inner white space as single blanks; empty when there is none. */
export function firstField(fields: HeaderFields, name: string): string {
  return (fields.get(name)?.[0] ?? '').replace(/\s+/g, ' ').trim();
}

/** Where a line ends that goes from `from` to its LF at `to`: the CRs before the LF belong to its end. */
function endOfLine(text: string, from: number, to: number): number {
  let end = to;
  while (end > from && text.charCodeAt(end - 1) === CR) end -= 1;
  return end;
}

const CR = 13;
const LF = 10;
