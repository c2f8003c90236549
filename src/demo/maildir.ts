/** Writes messages into the Maildir of a Dovecot that runs or does not: thousands in a second or two. */
import { closeSync, fchownSync, futimesSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dovecot } from './dovecot.ts';
import type { Owner } from './dovecot-system.ts';

/** A message to be delivered. */
export interface Delivery {
  /** Stored as they are. POP3 and IMAP show a bare LF as CRLF; everything else comes out as it went in. */
  bytes: Buffer;
  /** What IMAP shows as INTERNALDATE; now when not given. */
  internalDate?: Date;
  /** Whether it counts as read; it does not when not given. */
  seen?: boolean;
}

/** Where messages are delivered. */
export interface Recipient {
  server: Pick<Dovecot, 'mailRoot' | 'owner' | 'storage'>;
  user: string;
  /** The name as Maildir++ has it, such as `Sent`; INBOX when not given. */
  mailbox?: string;
}

let sequence = 0;

/** Delivers in the order given, which is also the order in which POP3 lists them; returns how many there were. */
export async function deliver(
  recipient: Recipient,
  messages: Iterable<Delivery> | AsyncIterable<Delivery>,
): Promise<number> {
  const { server, user, mailbox } = recipient;
  if (server.storage !== 'maildir') throw new TypeError('messages are delivered to Maildirs only');
  const home = join(server.mailRoot, user);
  const inbox = join(home, 'Maildir');
  const maildir = mailbox === undefined ? inbox : join(inbox, `.${mailbox}`);
  for (const path of [home, inbox, maildir]) await makeOwned(path, server.owner);
  for (const part of ['tmp', 'new', 'cur']) await makeOwned(join(maildir, part), server.owner);
  let count = 0;
  for await (const message of messages) {
    deliverOne(maildir, message, server.owner);
    count += 1;
  }
  return count;
}

/**
 * Complete in `tmp` first, then moved, as Maildir wants it: a server that looks meanwhile sees all of it or nothing.
 * Synchronous, since six calls for each of thousands of small files take several times as long otherwise.
 */
function deliverOne(maildir: string, message: Delivery, owner: Owner): void {
  const name = fileName(message.bytes);
  const date = message.internalDate ?? new Date();
  const temporary = join(maildir, 'tmp', name);
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(file, message.bytes);
    futimesSync(file, date, date);
    if (process.getuid?.() === 0) fchownSync(file, owner.uid, owner.gid);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, message.seen ? join(maildir, 'cur', `${name}:2,S`) : join(maildir, 'new', name));
}

/** Dovecot numbers new files by the seconds and then by the `M` of their names, and believes their sizes S and W. */
function fileName(bytes: Buffer): string {
  sequence += 1;
  const order = String(sequence).padStart(9, '0');
  const seconds = Math.floor(Date.now() / 1000);
  return `${seconds}.M${order}P${process.pid}.mailhaul,S=${bytes.length},W=${bytes.length + bareLineFeeds(bytes)}`;
}

function bareLineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) if (bytes[at - 1] !== 13) count += 1;
  return count;
}

async function makeOwned(path: string, owner: Owner): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (made === undefined || process.getuid?.() !== 0) return;
  await chown(path, owner.uid, owner.gid);
}
