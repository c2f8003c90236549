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
  const lines = header.toString('latin1').split('\n').map(withoutReturns);
  let current: string[] | undefined;
  for (const line of lines) {
    if (line === '') break;
    // RFC 5322 §2.2.3: a line that begins with white space continues the field before it.
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (current) current[current.length - 1] += line;
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon > 0 ? line.slice(0, colon).trimEnd().toLowerCase() : '';
    current = undefined;
    if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) continue;
    current = fields.get(name) ?? [];
    current.push(line.slice(colon + 1));
    fields.set(name, current);
  }
  return fields;
}

/** The first value of a field, trimmed, its inner white space as single blanks; empty when there is none. */
export function firstField(fields: HeaderFields, name: string): string {
  return (fields.get(name)?.[0] ?? '').replace(/\s+/g, ' ').trim();
}

/** The CRs before a line's LF belong to its end. */
function withoutReturns(line: string): string {
  let end = line.length;
  while (line[end - 1] === '\r') end -= 1;
  return line.slice(0, end);
}

const CR = 13;
const LF = 10;
