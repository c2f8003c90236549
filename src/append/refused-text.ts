/** What stands in the record of a message that was given up. */
import { type ErrorCode, MailhaulError, printable } from '../ground/errors.ts';
import type { AppendOutcome } from '../imap/append-channel.ts';
import type { RefusalVerdict } from '../imap/classify-append.ts';
import { longestLine } from '../message/repair.ts';
import type { BatchFile } from '../spool/batch-file.ts';
import { contentOf, type Item, type RefusalReason } from './items.ts';

/** A refused answer to an APPEND. */
export type RefusedAnswer = Extract<AppendOutcome, { kind: 'refused' }>;

/** One given-up message. */
export interface GivenUp {
  readonly item: Item;
  readonly file: BatchFile;
  readonly answer: RefusedAnswer;
  readonly verdict: RefusalVerdict;
  /** How often it was sent. */
  readonly tries: number;
  /** What is used of the quota of its mailbox, in words; empty where nothing is known. */
  readonly quota: string;
}

/** The server's answer as a line. */
export function answerText({ reply, responseCode, text }: RefusedAnswer): string {
  return printable([reply, responseCode === undefined ? '' : `[${responseCode}]`, text].filter(Boolean).join(' '));
}

/**
 * The reason in words. Where the server gave none that lasts, size, longest line and quota stand beside it, since
 * they are what most often is behind it (imap-quirks §2.1).
 */
export async function reasonOf(
  host: string,
  { item, file, answer, verdict, tries, quota }: GivenUp,
): Promise<RefusalReason> {
  const code: ErrorCode = verdict.code === 'message-too-big' ? verdict.code : 'append-refused';
  const reply = answerText(answer);
  const size = item.repaired?.size ?? item.message.size;
  const { message } = new MailhaulError(code, { host, reply, size, limit: 'less' });
  const facts: string[] = [];
  if (item.repaired) facts.push(`after the repair ${item.repaired.repairs.join(', ')}`);
  if (verdict.action === 'again') {
    facts.push(
      `sent ${tries} time(s)`,
      `${size} bytes`,
      `longest line ${await longestLine(contentOf(item, file))} bytes`,
    );
    if (quota !== '') facts.push(quota);
  } else if (/\bline\b.*\blong|\blong\b.*\bline/i.test(answer.text)) {
    facts.push(`longest line ${await longestLine(contentOf(item, file))} bytes; to encode it anew would be no repair`);
  }
  return { code, text: facts.length > 0 ? `${message} (${facts.join('; ')})` : message, tries, reply };
}
