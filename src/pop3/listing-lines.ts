/** The lines of an answer to LIST or UIDL: a number, and what follows it. */
import { MailhaulError } from '../ground/errors.ts';

const LF = 10;
const CR = 13;
const TAB = 9;
const SPACE = 32;

/**
 * Gives each line's number and the range of what follows it, without the blanks around. Throws `protocol-error`; `command`
 * and `host` are for its words.
 */
export function eachLine(
  body: Buffer,
  command: string,
  host: string,
  take: (number: number, from: number, to: number) => void,
): void {
  let before = 0;
  for (let start = 0; start < body.length; ) {
    let end = start;
    while (end < body.length && body[end] !== LF) end += 1;
    const { value, next } = readNumber(body, skipBlanks(body, start));
    const blank = body[next] === SPACE || body[next] === TAB || body[next] === CR || next >= end;
    // RFC 1939 §5: numbers are decimal and start at 1. Out of order they belong to some other answer.
    if (value <= before || value > 0xffffffff || !blank) {
      const line = body.toString('latin1', start, Math.min(end, start + 80));
      throw new MailhaulError('protocol-error', { host, during: command, reply: line });
    }
    before = value;
    const from = skipBlanks(body, next);
    let to = end;
    while (to > from && isBlank(body[to - 1]!)) to -= 1;
    take(value, Math.min(from, to), to);
    start = end + 1;
  }
}

/** The decimal number at a place, 0 where there is none, and the place behind it. */
export function readNumber(body: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  let next = at;
  for (; next < body.length; next += 1) {
    const digit = body[next]! - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return { value, next };
}

function skipBlanks(body: Buffer, at: number): number {
  let next = at;
  while (body[next] === SPACE || body[next] === TAB) next += 1;
  return next;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === CR;
}
