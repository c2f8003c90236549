/** The words of an APPEND command around its literals. */
import type { ReusedBuffers } from '../ground/reused-buffers.ts';
import type { AppendFeatures } from './features.ts';
import { quoteMailbox } from './mailbox-name.ts';

/** One message to append. */
export interface AppendMessage {
  flags: readonly string[];
  /** As in `04-Mar-2014 10:20:30 +0100`; the server takes its own clock where it is left out. */
  internalDate?: string | undefined;
  /** In bytes, at least 1: an empty message is never sent. */
  size: number;
  hasNul: boolean;
  /**
   * Exactly `size` bytes; opened once. A Buffer that was handed out is not written to again, unless it is one of `buffers`
   * and no piece of it is held there.
   */
  open(buffers?: ReusedBuffers): AsyncIterable<Buffer>;
}

/** One APPEND command. */
export interface AppendCommand {
  path: string;
  /** More than one only where the server offers MULTIAPPEND. */
  messages: readonly AppendMessage[];
  /**
   * Runs when all but the closing bytes is with the kernel: confirms the fence and records the intent. If it rejects,
   * the command is not closed: the channel is destroyed and nothing was stored.
   */
  beforeClosing(): Promise<void>;
  /**
   * Runs right before the closing bytes, in one turn with them: whatever else has come by then is dealt with before, and nothing
   * between the two. If it throws, the command is not closed.
   */
  atClosing?(): void;
}

/** How the server is told the size of a message. */
export interface LiteralForm {
  /** Whether the server must say `+` before the bytes may follow. */
  sync: boolean;
  text: string;
}

// RFC 7888 §5: the largest literal that LITERAL- lets go without asking
const LITERAL_MINUS_MAX_BYTES = 4096;

/** `{n}`, `{n+}`, `~{n}` or `~{n+}` for a message. */
export function literalForm(message: AppendMessage, features: AppendFeatures, syncBytes: number): LiteralForm {
  const free = features.literal === 'plus' ? syncBytes : features.literal === 'minus' ? LITERAL_MINUS_MAX_BYTES : 0;
  const sync = message.size > Math.min(free, syncBytes);
  // RFC 3516 §4.4: only a literal8 may contain NUL
  const tilde = message.hasNul && features.binary ? '~' : '';
  return { sync, text: `${tilde}{${message.size}${sync ? '' : '+'}}` };
}

/** What stands before the literal of message `index`; the first one opens the command. */
export function argumentBytes(
  tag: string,
  command: AppendCommand,
  index: number,
  literal: LiteralForm,
  utf8: boolean,
): Buffer {
  const message = command.messages[index]!;
  const date = message.internalDate === undefined ? '' : ` "${message.internalDate}"`;
  // The list is always there, even empty: Gromox limits a literal without it to 64 KiB (imap-quirks §2.2)
  const rest = Buffer.from(` (${message.flags.join(' ')})${date} ${literal.text}\r\n`, 'latin1');
  if (index > 0) return rest;
  return Buffer.concat([Buffer.from(`${tag} APPEND `, 'latin1'), quoteMailbox(command.path, utf8), rest]);
}

// RFC 3501 §9: flag = "\" atom or an atom
const flagSyntax = /^\\?[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/;
const dateSyntax = /^(?: \d|\d\d)-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{4} \d\d:\d\d:\d\d [+-]\d{4}$/;

/** Throws a plain Error for a command that must never reach a server: it is a fault of the caller. */
export function assertAppendable(command: AppendCommand, features: AppendFeatures): void {
  quoteMailbox(command.path, true);
  const count = command.messages.length;
  if (count === 0 || (count > 1 && !features.multiAppend)) throw new Error(`APPEND cannot take ${count} messages here`);
  for (const { size, flags, internalDate } of command.messages) {
    if (!Number.isSafeInteger(size) || size < 1) throw new Error(`a message of ${size} bytes cannot be appended`);
    const wrong = flags.find((flag) => !flagSyntax.test(flag) || flag.toLowerCase() === '\\recent');
    if (wrong !== undefined) throw new Error('a flag cannot be sent in APPEND');
    if (internalDate !== undefined && !dateSyntax.test(internalDate)) throw new Error('malformed internal date');
  }
}
