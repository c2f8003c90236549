/**
 * How much of what comes fits into the quotas of the destination (RFC 9208). They are read when a mailbox is first used,
 * what is sent is counted, and before anything is held back for want of room they are read again.
 */
import { freeBytes, freeMessages, type Quota, storageUnitBytes } from '../imap/mailbox-quota.ts';
import { amount } from '../limits/budgets.ts';
import { BudgetSpent } from '../limits/session-budget.ts';

/** What a root had when it was read, and what was sent to its mailboxes since. */
interface Root {
  quota: Quota;
  sentBytes: number;
  sentMessages: number;
}

/** The limit of a message that is larger than a mailbox may ever be, in words. */
export function wholeQuota(bytes: number): string {
  return `${amount(bytes)}, the whole quota of the mailbox`;
}

/** Thrown where a message does not fit its mailbox any more; nothing behind it is sent. */
export class MailboxFull extends BudgetSpent {
  readonly path: string;
  /** What the server answered; empty where it was not asked to take what cannot fit. */
  readonly reply: string;

  constructor(path: string, reply = '') {
    // Until when is for the session to say, once everything that was sent has its answer.
    super({ side: 'destination', untilMs: 0, because: `the mailbox ${path} is full` });
    this.path = path;
    this.reply = reply;
  }
}

/** The quotas of one session's mailboxes. */
export class Quotas {
  readonly #ask: (path: string) => Promise<readonly Quota[]>;
  /** By name: mailboxes may share a root. */
  readonly #roots = new Map<string, Root>();
  readonly #rootsOf = new Map<string, Promise<readonly string[]>>();
  #reading: Promise<unknown> = Promise.resolve();

  /** `ask` reads the quotas of a mailbox; undefined where the server has none to tell. */
  constructor(ask: ((path: string) => Promise<readonly Quota[]>) | undefined) {
    this.#ask = ask ?? (async () => []);
  }

  /** Resolves when no quota is being read: the connection that looks does one thing at a time. */
  async quiet(): Promise<void> {
    await this.#reading;
  }

  /** Begins to read the quota of a mailbox, which the index need not wait for. */
  open(path: string): void {
    if (this.#rootsOf.has(path)) return;
    const roots = this.#read(path).then(
      (quotas) => this.#enter(quotas, false),
      // Who cannot be asked now says so by refusing what is too much.
      () => [],
    );
    this.#rootsOf.set(path, roots);
    this.#reading = roots;
  }

  /** The bytes of the largest message that an empty mailbox has room for; infinite where nothing says. */
  async largest(path: string): Promise<number> {
    const limits = (await this.#of(path)).map(({ quota }) => quota.limitBytes).filter((limit) => limit > 0);
    return Math.min(Number.POSITIVE_INFINITY, ...limits);
  }

  /**
   * How many of these messages fit, from the first on, by their sizes in bytes; they count as sent. `answered` resolves
   * when everything that was sent has its answer: only then the server's numbers are whole. Throws MailhaulError.
   */
  async admit(path: string, sizes: readonly number[], answered: () => Promise<void>): Promise<number> {
    if (fitting(await this.#of(path), sizes) < sizes.length) {
      await answered();
      await this.look(path);
    }
    const roots = await this.#of(path);
    const count = fitting(roots, sizes);
    for (const root of roots) {
      root.sentMessages += count;
      root.sentBytes += sizes.slice(0, count).reduce((sum, size) => sum + size, 0);
    }
    return count;
  }

  /** Reads the quotas of a mailbox again. Throws MailhaulError. */
  async look(path: string): Promise<void> {
    const quotas = this.#read(path);
    this.#reading = quotas.catch(() => {});
    this.#rootsOf.set(path, Promise.resolve(this.#enter(await quotas, true)));
  }

  /** What is used of the quotas of a mailbox, in words; empty where nothing is known. */
  async text(path: string): Promise<string> {
    return (await this.#of(path))
      .flatMap(({ quota: { usedBytes, limitBytes, usedMessages, limitMessages } }) => [
        ...(limitBytes > 0 ? [`${amount(usedBytes)} of ${amount(limitBytes)} are used`] : []),
        ...(limitMessages ? [`${usedMessages} of ${limitMessages} messages are used`] : []),
      ])
      .join(', ');
  }

  #read(path: string): Promise<readonly Quota[]> {
    return this.#reading.then(() => this.#ask(path));
  }

  /** A root that is known already keeps its numbers unless everything that was sent is in the new ones. */
  #enter(quotas: readonly Quota[], whole: boolean): readonly string[] {
    for (const quota of quotas) {
      if (whole || !this.#roots.has(quota.root)) {
        this.#roots.set(quota.root, { quota, sentBytes: 0, sentMessages: 0 });
      }
    }
    return quotas.map(({ root }) => root);
  }

  async #of(path: string): Promise<readonly Root[]> {
    const names = (await this.#rootsOf.get(path)) ?? [];
    return names.map((name) => this.#roots.get(name)!);
  }
}

function fitting(roots: readonly Root[], sizes: readonly number[]): number {
  return Math.min(sizes.length, ...roots.map((root) => fittingInto(root, sizes)));
}

/** What is used is rounded to whole units: within one of them the server has the last word. */
function fittingInto({ quota, sentBytes, sentMessages }: Root, sizes: readonly number[]): number {
  const free = freeBytes(quota);
  let room = free === undefined ? Number.POSITIVE_INFINITY : free - sentBytes + storageUnitBytes - 1;
  const most = (freeMessages(quota) ?? Number.POSITIVE_INFINITY) - sentMessages;
  let count = 0;
  for (const size of sizes) {
    room -= size;
    if (room < 0 || count >= most) return count;
    count += 1;
  }
  return count;
}
