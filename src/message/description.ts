/** What a person knows a message by: its id, its subject and its date, safe to show, for messages that did not arrive. */
import { printable } from '../ground/errors.ts';
import { loadWordDecoder, readEightBit, type WordDecoder } from './encoded-words.ts';
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
export async function describeMessage(fields: HeaderFields, withSubject: boolean): Promise<MessageDescription> {
  const decode = await loadWordDecoder();
  return {
    date: shown(fields, decode, 'date', dateMaxChars),
    messageId: shown(fields, decode, 'message-id', idMaxChars),
    subject: withSubject ? shown(fields, decode, 'subject', subjectMaxChars) : '',
  };
}

function shown(fields: HeaderFields, decode: WordDecoder, name: string, maxChars: number): string {
  const text = decode(readEightBit(firstField(fields, name).slice(0, valueMaxChars)));
  // What was cut in the middle of a character, or was none to begin with, is not text.
  return printable(text.replace(/\s+/g, ' '), maxChars).replace(/\p{Cs}/gu, '\ufffd');
}
