/** What a person knows a message by: its id, its subject and its date, safe to show, for messages that did not arrive. */
import libmime from 'libmime';
import { printable } from '../ground/errors.ts';
import { firstField, type HeaderFields } from './header.ts';

/** Longest header value that is looked at, in characters: decoding takes longer than in proportion. */
const valueMaxChars = 2000;
const idMaxChars = 300;
const dateMaxChars = 100;
const subjectMaxChars = 200;

/** A message in words; each part is empty where the message does not have it. */
export interface MessageDescription {
  /** What stands in its Date field, believable or not. */
  readonly date: string;
  readonly messageId: string;
  readonly subject: string;
}

/** Describes a message by its header; without its subject where that is to be kept out of the books. */
export function describeMessage(fields: HeaderFields, withSubject: boolean): MessageDescription {
  return {
    date: shown(fields, 'date', dateMaxChars),
    messageId: shown(fields, 'message-id', idMaxChars),
    subject: withSubject ? shown(fields, 'subject', subjectMaxChars) : '',
  };
}

function shown(fields: HeaderFields, name: string, maxChars: number): string {
  const text = withoutEncoding(eightBit(firstField(fields, name).slice(0, valueMaxChars)));
  // What was cut in the middle of a character, or was none to begin with, is not text.
  return printable(text.replace(/\s+/g, ' '), maxChars).replace(/\p{Cs}/gu, '\ufffd');
}

/** RFC 2047; what is no encoded word, or a broken one, stays as it is. */
function withoutEncoding(text: string): string {
  try {
    return libmime.decodeWords(text);
  } catch {
    return text;
  }
}

/** Bytes above 127 in a header are UTF-8 (RFC 6532) or, in older mail, mostly Windows-1252. */
function eightBit(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  const bytes = Buffer.from(latin1, 'latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
