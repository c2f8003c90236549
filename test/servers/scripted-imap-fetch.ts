/** UID FETCH at the scripted IMAP server. */

import type { StoredMessage } from './scripted-imap.ts';
import type { ImapScript } from './scripted-imap-connection.ts';

/** The untagged answers to the argument of one UID FETCH. */
export function* fetchAnswers(script: ImapScript, rest: string): Iterable<Buffer> {
  const [, range = '', items = ''] = /^(\S+) (.*)$/s.exec(rest) ?? [];
  const mailbox = script.imap.mailboxes.get(script.selected ?? '');
  const messages = mailbox?.messages.slice(0, script.visible) ?? [];
  for (const [index, message] of messages.entries()) {
    if (inRange(message.uid, range, messages)) yield fetchAnswer(script, index + 1, message, items);
  }
}

// RFC 3501 §9: n:* is *:n, so it always names the last message
function inRange(uid: number, range: string, messages: readonly StoredMessage[]): boolean {
  const last = messages.at(-1)!.uid;
  return range.split(',').some((part) => {
    const [from = 0, to = from] = part.split(':').map((end) => (end === '*' ? last : Number(end)));
    return uid >= Math.min(from, to) && uid <= Math.max(from, to);
  });
}

function fetchAnswer(script: ImapScript, sequence: number, { uid, bytes }: StoredMessage, items: string): Buffer {
  const parts: Buffer[] = [Buffer.from(`* ${sequence} FETCH (UID ${uid}`)];
  if (/RFC822\.SIZE/i.test(items)) parts.push(Buffer.from(` RFC822.SIZE ${bytes.length}`));
  const section = /BODY\.PEEK\[(HEADER)?\](?:<(\d+)\.(\d+)>)?/i.exec(items);
  if (section !== null) {
    const whole = section[1] === undefined ? bytes : headerOf(bytes);
    const partial = section[2] !== undefined && script.imap.behaviour.ignorePartial !== true;
    const start = partial ? Number(section[2]) : 0;
    const content = partial ? whole.subarray(start, start + Number(section[3])) : whole;
    const origin = section[2] === undefined ? '' : `<${start}>`;
    parts.push(Buffer.from(` BODY[${section[1] ?? ''}]${origin} {${content.length}}\r\n`), content);
  }
  return Buffer.concat([...parts, Buffer.from(')\r\n')]);
}

function headerOf(bytes: Buffer): Buffer {
  const end = bytes.indexOf('\r\n\r\n');
  return end === -1 ? bytes : bytes.subarray(0, end + 4);
}
