/** What a failed command of an imapflow connection means in the table of errors. */
import { MailhaulError, printable } from '../ground/errors.ts';
import { byeError, mailboxError, type Peer, socketError, withoutSecrets } from './classify.ts';
import type { Refusal } from './classify-append.ts';
import { connectionGone } from './classify-connect.ts';

/** What imapflow puts on the errors of its commands. */
interface CommandFailure {
  message?: string;
  code?: string;
  /** The text of the server's BYE. */
  reason?: string;
  responseStatus?: string;
  responseText?: string;
  serverResponseCode?: string;
}

/** What is known of the command. */
export interface CommandFacts {
  during: string;
  mailbox: string;
  timeoutMs: number;
}

// What imapflow calls an answer it cannot or will not read
const unreadable =
  /^(?:Parser|LineTooLarge|LiteralTooLarge|ResponseTooLarge|UnexpectedTag|InvalidResponse|ResponseProcessing)/;

/** An error of imapflow, by its command's answer or by what became of the connection. */
export function commandError(
  { peer, lastError }: { peer: Peer; lastError(): unknown },
  thrown: unknown,
  { during, mailbox, timeoutMs }: CommandFacts,
): MailhaulError {
  if (thrown instanceof MailhaulError) return thrown;
  const failure = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as CommandFailure;
  if (failure.responseStatus === 'NO' || failure.responseStatus === 'BAD') {
    const { responseStatus: reply, serverResponseCode: responseCode, responseText: text = '' } = failure;
    const refusal: Refusal = { reply, responseCode, text };
    return mailboxError(peer, mailbox, refusal);
  }
  if (failure.code === 'NotFound') {
    return new MailhaulError('mailbox-refused', { ...peer, mailbox, reply: 'it does not exist' });
  }
  // A command that the end of the connection broke says no more than that; the cause came as an event
  const cause = lastError() as CommandFailure | undefined;
  const code = cause?.code ?? failure.code ?? '';
  if (code === 'ETIMEOUT') return new MailhaulError('server-silent', { ...peer, seconds: timeoutMs / 1000, during });
  if (unreadable.test(code)) {
    const reply = printable(withoutSecrets(peer, cause?.message ?? failure.message ?? code));
    return new MailhaulError('protocol-error', { ...peer, during, reply });
  }
  if (failure.reason && connectionGone.test(failure.code ?? '')) return byeError(peer, failure.reason, during);
  return socketError(peer, during, cause ?? thrown);
}
