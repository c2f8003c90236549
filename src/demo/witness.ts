/** Independent witnesses of what two mail servers hold, over bare sockets: they share nothing with the code that moves mail. */
import { createHash } from 'node:crypto';
import { BareSocket } from './bare-socket.ts';

/** A login at a port of 127.0.0.1. */
export interface Login {
  port: number;
  user: string;
  password: string;
}

/** A message of a maildrop, as RETR gives it after unstuffing. */
export interface PopMessage {
  number: number;
  uidl: string;
  bytes: Buffer;
}

/** A message of a mailbox. */
export interface ImapMessage {
  mailbox: string;
  uid: number;
  flags: string[];
  /** As the server writes it, for example ` 4-Mar-2014 10:20:30 +0100`. */
  internalDate: string;
  bytes: Buffer;
}

/** Every message of a maildrop, one in memory at a time; the session ends without QUIT. */
export async function* popContents(login: Login): AsyncGenerator<PopMessage> {
  const socket = await BareSocket.connect(login.port);
  try {
    await socket.line();
    for (const command of [`USER ${login.user}`, `PASS ${login.password}`]) await popCommand(socket, command);
    await popCommand(socket, 'UIDL');
    const rows: [string, string][] = [];
    for (let line = await socket.line(); line !== '.'; line = await socket.line()) {
      const [number = '', uidl = ''] = line.split(' ');
      rows.push([number, uidl]);
    }
    for (const [number, uidl] of rows) {
      await popCommand(socket, `RETR ${number}`);
      yield { number: Number(number), uidl, bytes: await multiline(socket) };
    }
  } finally {
    socket.close();
  }
}

async function popCommand(socket: BareSocket, command: string): Promise<void> {
  socket.write(`${command}\r\n`);
  const answer = await socket.line();
  if (!answer.startsWith('+OK')) throw new Error(`${command.split(' ')[0]}: ${answer}`);
}

/** The CRLF of the status line stands before the first line as well, so that one rule finds every end and every dot. */
async function multiline(socket: BareSocket): Promise<Buffer> {
  socket.unread(Buffer.from('\r\n'));
  const stuffed = await socket.until(Buffer.from('\r\n.\r\n'));
  const parts: Buffer[] = [];
  let from = 2;
  for (let dot = stuffed.indexOf('\r\n.'); dot !== -1; dot = stuffed.indexOf('\r\n.', dot + 3)) {
    parts.push(stuffed.subarray(from, Math.max(from, dot + 2)));
    from = dot + 3;
  }
  return Buffer.concat(parts);
}

/** Every message of every mailbox, one in memory at a time; nothing is changed, not even a flag. */
export async function* mailboxContents(login: Login): AsyncGenerator<ImapMessage> {
  const socket = await BareSocket.connect(login.port);
  try {
    await socket.line();
    for await (const _ of imapCommand(socket, `LOGIN ${quoted(login.user)} ${quoted(login.password)}`));
    const mailboxes: string[] = [];
    for await (const { line } of imapCommand(socket, 'LIST "" *')) {
      const match = /^\* LIST \(([^)]*)\) (?:"(?:\\.|[^"])*"|NIL) (.+)$/.exec(line);
      if (match && !/\\NoSelect/i.test(match[1]!)) mailboxes.push(unquoted(match[2]!));
    }
    for (const mailbox of mailboxes) yield* oneMailbox(socket, mailbox);
  } finally {
    socket.close();
  }
}

async function* oneMailbox(socket: BareSocket, mailbox: string): AsyncGenerator<ImapMessage> {
  let count = 0;
  for await (const { line } of imapCommand(socket, `EXAMINE ${quoted(mailbox)}`)) {
    count = Number(/^\* (\d+) EXISTS/.exec(line)?.[1] ?? count);
  }
  if (count === 0) return;
  for await (const { line, literal } of imapCommand(socket, 'FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])')) {
    const uid = /\bUID (\d+)/.exec(line)?.[1];
    const internalDate = /INTERNALDATE "([^"]+)"/.exec(line)?.[1];
    if (uid === undefined || internalDate === undefined) continue;
    const flags = /FLAGS \(([^)]*)\)/.exec(line)?.[1]?.split(' ').filter(Boolean) ?? [];
    yield { mailbox, uid: Number(uid), flags, internalDate, bytes: literal ?? Buffer.alloc(0) };
  }
}

/** The untagged answers of a command: each with the literal it held, which stands as `{}` in the line. */
async function* imapCommand(socket: BareSocket, command: string): AsyncGenerator<{ line: string; literal?: Buffer }> {
  socket.write(`w ${command}\r\n`);
  for (;;) {
    let line = await socket.line();
    if (line.startsWith('w ')) {
      if (!line.startsWith('w OK')) throw new Error(`${command.split(' ')[0]}: ${line}`);
      return;
    }
    const length = /\{(\d+)\}$/.exec(line);
    if (!length) {
      yield { line };
      continue;
    }
    const literal = await socket.exactly(Number(length[1]));
    line = `${line.slice(0, length.index)}{}${await socket.line()}`;
    yield { line, literal };
  }
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}

/** The form in which content is compared (design §8): CR*LF and LF as CRLF, NUL as 0x80, no final CRLF. */
export function canonical(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1').replaceAll('\0', '\x80').replace(/\r*\n/g, '\r\n');
  return Buffer.from(text.endsWith('\r\n') ? text.slice(0, -2) : text, 'latin1');
}

/** How two sides differ. */
export interface Comparison {
  source: number;
  destination: number;
  /** Source messages that are at the destination. */
  exact: number;
  /** Source messages that are not there, a copy too few of several identical ones included. */
  missing: number;
  /** Source messages of which not even one copy is there. */
  absent: number;
  /** Messages there whose content the source does not have: altered or foreign. */
  extra: number;
  /** Messages there more often than at the source. */
  doubled: number;
}

interface Content {
  bytes: Buffer;
}

/** Holds two sides against each other by the digests of their canonical bytes, each as often as it occurs. */
export async function compareMailboxes(
  source: AsyncIterable<Content> | Iterable<Content>,
  destination: AsyncIterable<Content> | Iterable<Content>,
): Promise<Comparison> {
  const [there, here] = [await digests(destination), await digests(source)];
  const result = { source: sum(here), destination: sum(there), exact: 0, missing: 0, absent: 0, extra: 0, doubled: 0 };
  for (const [digest, count] of here) {
    const found = there.get(digest) ?? 0;
    result.exact += Math.min(count, found);
    result.missing += Math.max(0, count - found);
    if (found === 0) result.absent += count;
    result.doubled += Math.max(0, found - count);
  }
  for (const [digest, count] of there) if (!here.has(digest)) result.extra += count;
  return result;
}

async function digests(messages: AsyncIterable<Content> | Iterable<Content>): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const { bytes } of messages) {
    const digest = createHash('sha256').update(canonical(bytes)).digest('hex');
    counts.set(digest, (counts.get(digest) ?? 0) + 1);
  }
  return counts;
}

function sum(counts: Map<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
