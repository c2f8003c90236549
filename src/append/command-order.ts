/**
 * Commands for one mailbox take effect in the order in which they were given, over several connections too: the closing
 * bytes of each wait for the answer to the one before, while its messages are with the server already (decision 0024).
 */
import { inTime } from '../ground/clock.ts';
import type { AppendChannel, AppendCommand, AppendHandle } from '../imap/append-channel.ts';

/** A server that takes nothing of a command for so long waits for the end of another one. */
const stuckAfterMs = 10_000;

/** What of a channel is used here. */
export type OrderedChannel = Pick<AppendChannel, 'append' | 'taken'>;

interface Given {
  readonly channel: OrderedChannel;
  readonly done: Promise<unknown>;
}

/** The last command for each mailbox. */
export class CommandOrder {
  readonly #onStuck: () => void;
  readonly #stuckAfterMs: number;
  readonly #last = new Map<string, Given>();

  /** @param onStuck the server does not let commands overlap; one of them goes out of its turn now */
  constructor(onStuck: () => void, afterMs = stuckAfterMs) {
    this.#onStuck = onStuck;
    this.#stuckAfterMs = afterMs;
  }

  /** Hands a command to a channel. It is not closed, and nothing of it is stored, where the one before got no answer. */
  give(channel: OrderedChannel, command: AppendCommand): AppendHandle {
    const before = this.#last.get(command.path);
    const beforeClosing = async () => {
      // Recorded while the other command is under way: an intent whose command is not closed is looked after as any other.
      await command.beforeClosing();
      if (before) await this.#turn(before);
    };
    // On the same connection the server keeps the order itself (RFC 3501 §5.5).
    const alone = before === undefined || before.channel === channel;
    const handle = channel.append(alone ? command : { ...command, beforeClosing });
    this.#last.set(command.path, { channel, done: handle.done });
    return handle;
  }

  /**
   * A server that locks the mailbox at the first byte of a command (UW IMAP does, and Dovecot with mbox) may have locked it for
   * the one that waits here, and the one before waits for the lock: then the order is given up, before both wait for ever.
   */
  async #turn({ channel, done }: Given): Promise<void> {
    const answered = done.then(
      () => true,
      () => true,
    );
    let taken = channel.taken;
    while (!(await inTime(answered, this.#stuckAfterMs))) {
      if (channel.taken === taken) return this.#onStuck();
      taken = channel.taken;
    }
    await done;
  }
}
