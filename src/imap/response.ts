/** The meaning of one answer line of an IMAP server. */

/** One answer, its literals left out. `text` is what a person may read, `codeText` what stands after the code's name. */
export type Response =
  | { kind: 'continuation'; text: string }
  | { kind: 'status'; tag: string; status: Status; code: string | undefined; codeText: string; text: string }
  | { kind: 'data'; text: string }
  | { kind: 'unknown'; text: string };

/** The condition of a status response (RFC 3501 §7.1). */
export type Status = 'OK' | 'NO' | 'BAD' | 'BYE' | 'PREAUTH';

/** UIDVALIDITY and the new UIDs of an APPENDUID response code, in the order of the messages (RFC 4315 §3). */
export interface AppendUid {
  uidValidity: number;
  uids: number[];
}

// RFC 3501 §9: a tag is any ASTRING-CHAR except "+"
const statusLine = /^(\*|[^\s(){%*"\\+]+) +(OK|NO|BAD|BYE|PREAUTH)(?: +(.*))?$/is;
const codedText = /^\[([^\s\]]+)(?: ((?:"(?:[^"\\]|\\.)*"|[^\]])*))?\] ?(.*)$/s;

/** Reads one line (without its CRLF, each byte as one character). Never throws: what is no answer is `unknown`. */
export function readResponse(line: string): Response {
  if (line.startsWith('+')) return { kind: 'continuation', text: line.slice(1).trim() };
  const match = statusLine.exec(line);
  if (match === null) {
    return line.startsWith('* ') ? { kind: 'data', text: line.slice(2) } : { kind: 'unknown', text: line };
  }
  const rest = match[3] ?? '';
  const coded = codedText.exec(rest);
  return {
    kind: 'status',
    tag: match[1]!,
    status: match[2]!.toUpperCase() as Status,
    code: coded?.[1]?.toUpperCase(),
    codeText: coded?.[2] ?? '',
    text: coded === null ? rest : coded[3]!,
  };
}

/** Whether the line is a status response or a continuation: their text may end in `{9}` without announcing a literal. */
export function endsInText(line: string): boolean {
  return line.startsWith('+') || statusLine.test(line);
}

/**
 * The argument of APPENDUID for `count` messages, or undefined where it is malformed, has another number of UIDs,
 * or the UIDVALIDITY 0 that some servers send for "unknown" (imap-quirks §2.2).
 */
export function readAppendUid(codeText: string, count: number): AppendUid | undefined {
  const match = /^(\d{1,10}) ([\d,:]+)$/.exec(codeText.trim());
  if (match === null) return undefined;
  const uidValidity = Number(match[1]);
  const uids: number[] = [];
  for (const part of match[2]!.split(',')) {
    const range = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(part);
    if (range === null) return undefined;
    const first = Number(range[1]);
    const last = Number(range[2] ?? range[1]);
    // RFC 4315 §4: UIDs are given out in strictly ascending order; anything else cannot be matched to the messages
    if (first === 0 || last < first || first <= (uids.at(-1) ?? 0) || uids.length + last - first + 1 > count)
      return undefined;
    for (let uid = first; uid <= last; uid++) uids.push(uid);
  }
  return uidValidity > 0 && uids.length === count ? { uidValidity, uids } : undefined;
}

/** The words of a parenthesised list, such as the flags of PERMANENTFLAGS. */
export function readList(text: string): string[] {
  const match = /\(([^)]*)\)/.exec(text);
  return match === null ? [] : match[1]!.split(' ').filter((word) => word !== '');
}
