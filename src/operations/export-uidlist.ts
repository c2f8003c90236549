/**
 * The dovecot-uidlist of a Maildir with the unique ids of POP3 put in. Its lines are `UID KEY… :FILE` below a header
 * `3 V<uidvalidity> …`; the key P is the id that POP3 shows (Dovecot 2.0 to 2.3, maildir-uidlist.h).
 */
import { readFile, stat } from 'node:fs/promises';
import { MailhaulError } from '../ground/errors.ts';
import type { MappedMessage } from './export-uidl-map.ts';

/** Some millions of messages; it is read as a whole. */
const uidlistMaxBytes = 512 * 1024 * 1024;

/** Reads a dovecot-uidlist. Throws `uidlist-unfit`. */
export async function readUidlist(path: string): Promise<Buffer> {
  const unfit = (reason: string) => new MailhaulError('uidlist-unfit', { path, reason });
  try {
    const found = await stat(path);
    if (!found.isFile()) throw unfit('it is no file');
    if (found.size > uidlistMaxBytes) throw unfit(`it has more than ${uidlistMaxBytes} bytes`);
    return await readFile(path);
  } catch (error) {
    throw error instanceof MailhaulError ? error : unfit((error as Error).message);
  }
}

/** The file with the ids, and what was done to it. */
export interface RewrittenUidlist {
  readonly bytes: Buffer;
  /** Messages of the file that have the id of the source now. */
  readonly kept: number;
  /** Messages of the map that the file does not have: users or filters moved or deleted them. */
  readonly absent: number;
  /** Messages of the source that share one at the destination with an earlier one, whose id it has. */
  readonly merged: number;
}

const lineShape = /^(\d{1,10})((?: [A-Z][^ ]*)*) :[^\n]+$/;
// RFC 1939 §7: one or more characters from 0x21 to 0x7E.
const uidlShape = /^[\x21-\x7e]+$/;

/**
 * Puts ids in; everything else stays byte for byte as it was. `path` is what the file is called in errors. Throws
 * `uidlist-unfit` where the file is of another mailbox or shape, or where two messages would get one id.
 */
export function rewriteUidlist(bytes: Buffer, path: string, messages: readonly MappedMessage[]): RewrittenUidlist {
  const unfit = (reason: string) => new MailhaulError('uidlist-unfit', { path, reason });
  const [head = '', ...lines] = bytes.toString('latin1').split('\n');
  const uidValidity = Number(/^3 (?:[A-Z][^ ]* )*V(\d+)(?: |$)/.exec(head)?.[1] ?? 0);
  if (uidValidity === 0) throw unfit('its first line is not that of a dovecot-uidlist of version 3');
  if (lines.pop() !== '') throw unfit('its last line is not whole');
  const { uidls, merged } = uidlsOf(messages, uidValidity, unfit);
  const owners = new Map<string, string>();
  let kept = 0;
  let last = 0;
  const written = lines.map((line, i) => {
    const [, uid = '', keys = ''] = lineShape.exec(line) ?? [];
    if (uid === '') throw unfit(`line ${i + 2} is no message`);
    // What is not in ascending order was not written by Dovecot, or has a UID twice.
    if (Number(uid) <= last) throw unfit(`line ${i + 2}: UID ${uid} does not follow UID ${last}`);
    last = Number(uid);
    const uidl = uidls.get(last) ?? / P([^ ]+)/.exec(keys)?.[1] ?? defaultUidl(last, uidValidity);
    const other = owners.get(uidl);
    if (other !== undefined) throw unfit(`the messages ${other} and ${uid} would both have the id ${uidl}`);
    owners.set(uidl, uid);
    if (!uidls.has(last)) return line;
    kept += 1;
    return `${uid}${withUidl(keys, uidl)}${line.slice(uid.length + keys.length)}`;
  });
  const text = `${[head, ...written].join('\n')}\n`;
  return { bytes: Buffer.from(text, 'latin1'), kept, absent: uidls.size - kept, merged };
}

/** What POP3 shows of a message without an id of its own (pop3_uidl_format, where nobody has changed it). */
function defaultUidl(uid: number, uidValidity: number): string {
  return [uid, uidValidity].map((number) => number.toString(16).padStart(8, '0')).join('');
}

/** The ids by UID. */
function uidlsOf(
  messages: readonly MappedMessage[],
  uidValidity: number,
  unfit: (reason: string) => MailhaulError,
): { uidls: Map<number, string>; merged: number } {
  const uidls = new Map<number, string>();
  let merged = 0;
  for (const message of messages) {
    if (message.uidValidity !== uidValidity) {
      throw unfit(
        `its UIDVALIDITY is ${uidValidity}, and the mail went to ${message.mailbox} with ${message.uidValidity}`,
      );
    }
    if (!uidlShape.test(message.uidl)) throw unfit(`the id ${message.uidl} has characters that POP3 forbids`);
    if (uidls.has(message.uid)) merged += 1;
    else uidls.set(message.uid, message.uidl);
  }
  return { uidls, merged };
}

/** The keys of a line with the id among them, where it stood before or at their end. */
function withUidl(keys: string, uidl: string): string {
  // A function: an id may have what a replacement text would take for a pattern.
  return / P[^ ]*/.test(keys) ? keys.replace(/ P[^ ]*/, () => ` P${uidl}`) : `${keys} P${uidl}`;
}
