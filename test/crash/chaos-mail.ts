/** Mail that comes in while everything is being killed, and users who tidy up what has arrived. */
import { deliver } from '../../src/demo/maildir.ts';
import { hexDigest } from '../../src/ground/digest.ts';
import { connectRedis } from '../../src/ground/redis.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import type { Random } from '../bench/random.ts';
import { canonical, mailboxContents, popContents } from '../servers/witness.ts';
import type { Fleet } from './chaos-fleet.ts';

/** What must hold at the end, in messages. */
export interface Findings {
  delivered: number;
  /** Taken away or moved by users. */
  removed: number;
  moved: number;
  lost: number;
  doubled: number;
  altered: number;
  /** Deleted by a user after they were settled, and there again. */
  returned: number;
  /** No longer at the source. */
  gone: number;
}

interface Sent {
  readonly user: string;
  readonly bytes: Buffer;
  /** A user deleted it at the destination. */
  removed: boolean;
}

/** How long a message has been settled before a user touches it: Redis may lose its last second (design §8). */
const settledForMs = 3000;
const markPattern = /^X-Chaos: (\S+)/im;
const redisWaits = { redisStartTimeoutMs: 5000, redisLostAfterMs: 5000 };

/** Deliveries and deletions, and what became of them. */
export class ChaosMail {
  readonly #fleet: Fleet;
  readonly #random: Random;
  readonly #sent = new Map<string, Sent>();
  /** User → UIDs of settled messages, as seen a while ago. */
  #settled: { at: number; uids: Map<string, Set<number>> }[] = [];
  #moved = 0;

  constructor(fleet: Fleet, random: Random) {
    this.#fleet = fleet;
    this.#random = random;
  }

  /** Delivers messages to one user of the source: most of them plain, some with twins. */
  async arrive(count: number): Promise<void> {
    const user = this.#random.pick(this.#fleet.users);
    const fresh: Sent[] = [];
    for (let i = 0; i < count; i += 1) {
      const twins = this.#random.chance(0.1) ? 2 : 1;
      const family = `${user}.${this.#sent.size}`;
      for (let twin = 0; twin < twins; twin += 1) fresh.push(this.#write(user, family));
    }
    await deliver({ server: this.#fleet.source, user }, fresh);
  }

  /** Notes what is settled, and lets a user delete or move a message that has been settled for long enough. */
  async tidy(): Promise<void> {
    await this.#look();
    const user = this.#random.pick(this.#fleet.users);
    const now = this.#settled.at(-1)!;
    const before = this.#settled.findLast(({ at }) => at <= now.at - settledForMs);
    const candidates = [...(before?.uids.get(user) ?? [])].filter((uid) => now.uids.get(user)?.has(uid));
    if (candidates.length === 0) return;
    const place = ['-u', user, 'mailbox', 'INBOX', 'uid', String(this.#random.pick(candidates))];
    const { destination } = this.#fleet;
    const [, , ...query] = place;
    const mark = /^hdr\.x-chaos: (\S+)/m.exec(
      await destination.doveadm(['fetch', '-u', user, 'hdr.x-chaos', ...query]),
    );
    // It may have been deleted or moved before.
    if (!mark) return;
    if (this.#random.chance(0.5)) {
      await destination.doveadm(['move', '-u', user, 'Trash', ...query]);
      this.#moved += 1;
    } else {
      await destination.doveadm(['expunge', '-u', user, ...query]);
      this.#sent.get(mark[1]!)!.removed = true;
    }
  }

  /** Holds both sides against what was delivered. */
  async findings(): Promise<Findings> {
    const sent = [...this.#sent.values()];
    const removed = sent.filter((one) => one.removed).length;
    const found: Findings = {
      ...{ delivered: sent.length, removed, moved: this.#moved },
      ...{ lost: 0, doubled: 0, altered: 0, returned: 0, gone: sent.length },
    };
    const { source, destination, users } = this.#fleet;
    for (const user of users) {
      const there = new Map<string, number>();
      const login = { user, password: 'pw' };
      for await (const { bytes } of mailboxContents({ ...login, port: destination.imapPort })) {
        const mark = markPattern.exec(bytes.toString('latin1'))?.[1] ?? '';
        const original = this.#sent.get(mark);
        if (original?.user !== user || !canonical(bytes).equals(canonical(original.bytes))) found.altered += 1;
        else there.set(mark, (there.get(mark) ?? 0) + 1);
      }
      for (const [mark, one] of this.#sent) {
        if (one.user !== user) continue;
        const copies = there.get(mark) ?? 0;
        if (one.removed) found.returned += copies;
        else if (copies === 0) found.lost += 1;
        else found.doubled += copies - 1;
      }
      for await (const _ of popContents({ ...login, port: source.popPort })) found.gone -= 1;
    }
    return found;
  }

  #write(user: string, family: string): Sent {
    const mark = `${user}-${this.#sent.size}`;
    const id = this.#sent.size % 9 === 4 ? [] : [`Message-ID: <${family}@chaos.example>`];
    const size = this.#random.chance(0.05) ? this.#random.between(50_000, 400_000) : this.#random.between(20, 4000);
    const header = [...id, 'From: a@chaos.example', 'Date: Tue, 4 Mar 2014 10:20:30 +0100', `Subject: ${family}`];
    const line = `..${'y'.repeat(60)} ${mark}\n`;
    const text = `${header.join('\n')}\nX-Chaos: ${mark}\n\n${line.repeat(Math.ceil(size / line.length))}`;
    const sent = { user, bytes: Buffer.from(text), removed: false };
    this.#sent.set(mark, sent);
    return sent;
  }

  async #look(): Promise<void> {
    const { client, close } = await connectRedis(this.#fleet.redis.url, redisWaits);
    try {
      const at = Date.now();
      const uids = new Map<string, Set<number>>();
      for (const user of this.#fleet.users) {
        const table = await LedgerTable.load(client, accountKeyOf(user));
        uids.set(user, new Set([...table].map(({ uid }) => uid).filter((uid) => uid > 0)));
      }
      this.#settled = [...this.#settled.slice(-200), { at, uids }];
    } finally {
      await close();
    }
  }
}

/** The account list makes its keys of both hosts and both users. */
function accountKeyOf(user: string): string {
  return hexDigest(16, '127.0.0.1', user, '127.0.0.1', user);
}
