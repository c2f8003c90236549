/** The flags that mailboxes keep (RFC 3501 §7.1), and those that messages lost because their mailbox keeps them not. */
import type { RedisClient } from '../ground/redis.ts';
import { addProblem } from '../ledger/problems.ts';
import { withoutTwins } from '../message/status-flags.ts';
import type { Placement } from './placement.ts';

/** What one mailbox keeps of the flags of a message. */
export interface LastingFlags {
  /** The flags of the message that last here; the others are counted as dropped, once a message. */
  of(item: { readonly placement: Placement }): string[];
}

/** Whoever asks for them: nothing is to be lost, Yahoo refuses them (imap-quirks §2.1), and `\Recent` is the server's own. */
const neverSent = new Set(['\\deleted', '\\recent']);

/** Names that the report has room for. */
const NAMED_MAX = 10;

/** What one session dropped. */
export class DroppedFlags {
  readonly #where = new Map<string, Set<string>>();
  readonly #counted = new WeakSet<object>();
  /** How many messages have not been told of yet. */
  #untold = 0;

  /** The flags of a mailbox, by the list of its PERMANENTFLAGS: `\*` in it stands for all keywords, alone for all flags. */
  in(mailbox: string, permanentFlags: readonly string[]): LastingFlags {
    // RFC 3501 §2.3.2: flags are the same whatever their case
    const kept = new Set(permanentFlags.map((flag) => flag.toLowerCase()));
    const open = kept.delete('\\*');
    const onlyOpen = open && ![...kept].some((flag) => flag.startsWith('\\'));
    const lasts = (flag: string) =>
      !neverSent.has(flag.toLowerCase()) && (kept.has(flag.toLowerCase()) || (flag.startsWith('\\') ? onlyOpen : open));
    return {
      of: (item) => {
        const flags = withoutTwins(item.placement.flags);
        const dropped = flags.filter((flag) => !lasts(flag));
        if (dropped.length > 0) this.#note(mailbox, item, dropped);
        return flags.filter(lasts);
      },
    };
  }

  /** Tells the report, once a run, of what was dropped so far. */
  async note(redis: RedisClient, account: string): Promise<void> {
    const count = this.#untold;
    if (count === 0) return;
    this.#untold = 0;
    const named = [...this.#where].slice(0, NAMED_MAX).map(([mailbox, flags]) => `${mailbox}: ${[...flags].join(' ')}`);
    const where = named.join('; ') + (this.#where.size > NAMED_MAX ? '; …' : '');
    await addProblem(redis, account, 'flags-dropped', { where }, count);
  }

  #note(mailbox: string, item: object, flags: readonly string[]): void {
    // A message is looked at again when its command is cut in two
    if (this.#counted.has(item)) return;
    this.#counted.add(item);
    this.#untold += 1;
    const known = this.#where.get(mailbox) ?? new Set();
    for (const flag of flags) if (known.size < NAMED_MAX) known.add(flag);
    if (this.#where.size <= NAMED_MAX) this.#where.set(mailbox, known);
  }
}
