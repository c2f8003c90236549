/** SELECT, and what it says of a mailbox. */
import { MailhaulError } from '../ground/errors.ts';
import { mailboxError, type Peer, saysMissing } from './classify.ts';
import type { Refusal } from './classify-append.ts';
import type { Dialogue, StatusResponse } from './dialogue.ts';
import { quoteMailbox } from './mailbox-name.ts';
import { type Response, readList } from './response.ts';

/** A selected mailbox. */
export interface SelectedMailbox {
  missing?: undefined;
  path: string;
  uidValidity: number;
  uidNext: number;
  exists: number;
  /** The flags that last, none where it is empty; `\*` where others may be made. */
  permanentFlags: string[];
  readOnly: boolean;
}

/** A mailbox, or the server's word that there is none of that name. */
export type Selected = SelectedMailbox | { missing: true; path: string; text: string };

/** Sends one command that has no literal, and gives its answer with the untagged ones before it. */
export function exchange(
  dialogue: Dialogue,
  command: Buffer,
): Promise<{ answer: StatusResponse; untagged: Response[] }> {
  return new Promise((resolve, reject) => {
    const tag = dialogue.nextTag();
    const untagged: Response[] = [];
    dialogue.begin({
      tag,
      onAnswer: (answer) => resolve({ answer, untagged }),
      onUntagged: (response) => untagged.length < UNTAGGED_KEPT && untagged.push(response),
      onFailure: reject,
    });
    const line = Buffer.concat([Buffer.from(`${tag} `), command, Buffer.from('\r\n')]);
    dialogue.trace?.sent(line);
    dialogue.wire
      .write(line)
      .then(() => dialogue.wire.flush())
      .then(() => dialogue.expectAnswer(tag))
      .catch(reject);
  });
}

// SELECT brings about ten; more are not ours to keep
const UNTAGGED_KEPT = 200;

/** Selects a mailbox. Throws MailhaulError where the server refuses for another reason than that it is missing. */
export async function selectMailbox(dialogue: Dialogue, peer: Peer, path: string, utf8: boolean): Promise<Selected> {
  dialogue.wire.during = 'SELECT';
  const name = quoteMailbox(path, utf8);
  const { answer, untagged } = await exchange(dialogue, Buffer.concat([Buffer.from('SELECT '), name]));
  if (answer.status !== 'OK') {
    const refusal: Refusal = {
      reply: answer.status === 'BAD' ? 'BAD' : 'NO',
      responseCode: answer.code,
      text: answer.text,
    };
    if (saysMissing(refusal)) return { missing: true, path, text: answer.text };
    throw mailboxError(peer, path, refusal);
  }
  const uidValidity = codeNumber(untagged, 'UIDVALIDITY');
  if (uidValidity === undefined) {
    throw new MailhaulError('protocol-error', { ...peer, during: 'SELECT', reply: 'no UIDVALIDITY' });
  }
  return {
    path,
    uidValidity,
    uidNext: codeNumber(untagged, 'UIDNEXT') ?? (await statusUidNext(dialogue, peer, name)),
    exists: dataNumber(untagged, /^(\d+) EXISTS$/i) ?? 0,
    permanentFlags: permanentFlags(untagged),
    readOnly: answer.code === 'READ-ONLY',
  };
}

/** RFC 3501 §6.3.1 lets a server leave UIDNEXT out; STATUS has it. */
async function statusUidNext(dialogue: Dialogue, peer: Peer, name: Buffer): Promise<number> {
  const { untagged } = await exchange(
    dialogue,
    Buffer.concat([Buffer.from('STATUS '), name, Buffer.from(' (UIDNEXT)')]),
  );
  const uidNext = dataNumber(untagged, /^STATUS .*UIDNEXT (\d+)/i);
  if (uidNext === undefined)
    throw new MailhaulError('protocol-error', { ...peer, during: 'SELECT', reply: 'no UIDNEXT' });
  return uidNext;
}

function codeNumber(untagged: readonly Response[], code: string): number | undefined {
  const found = untagged.find((one) => one.kind === 'status' && one.code === code && /^\d{1,10}$/.test(one.codeText));
  return found?.kind === 'status' ? Number(found.codeText) : undefined;
}

function dataNumber(untagged: readonly Response[], pattern: RegExp): number | undefined {
  const numbers = untagged.flatMap((one) => (one.kind === 'data' ? (pattern.exec(one.text)?.[1] ?? []) : []));
  return numbers.length === 0 ? undefined : Number(numbers.at(-1));
}

function permanentFlags(untagged: readonly Response[]): string[] {
  const code = untagged.find((one) => one.kind === 'status' && one.code === 'PERMANENTFLAGS' && one.codeText !== '');
  // `PERMANENTFLAGS ()` is an answer: no flag lasts
  if (code?.kind === 'status') return readList(code.codeText);
  // RFC 3501 §7.1: where PERMANENTFLAGS is missing every flag lasts, which are those that exist (RFC 3501 §2.3.2, §7.2.6)
  const flags = untagged.find((one) => one.kind === 'data' && /^FLAGS /i.test(one.text));
  const others = flags?.kind === 'data' ? readList(flags.text).filter((flag) => !flag.startsWith('\\')) : [];
  return [...systemFlags, ...others];
}

const systemFlags = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'];
