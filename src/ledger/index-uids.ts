/** Which UID of a mailbox stands for which message of a source, as the index of the mailbox knows it. Reads only. */
import { loginKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { indexedAs, mailboxOfIndex } from './index-kind.ts';
import { contentMark, findRecords, type IndexRecord, ownerOf, shardRecords } from './index-shard.ts';
import type { LedgerRecord } from './record.ts';

/** The claimed UIDs of one mailbox, in memory. */
export class IndexUids {
  /** 0 where the mailbox has no index. */
  readonly uidValidity: number;
  readonly #byUid = new Map<number, IndexRecord>();
  readonly #byOwner = new Map<number, Set<number>>();

  private constructor(uidValidity: number) {
    this.uidValidity = uidValidity;
  }

  /** Reads the index of a mailbox shard by shard; `login` is the digest of the destination's login. */
  static async read(redis: RedisClient, login: string, path: string): Promise<IndexUids> {
    const { kind } = await indexedAs(redis, login, path);
    const mailbox = mailboxOfIndex(path, kind);
    const meta = await redis.hgetall(loginKeys.index(login, mailbox));
    const uids = new IndexUids(Number(meta['uidValidity'] ?? 0));
    const generation = Number(meta['generation'] ?? 0);
    for (let n = 0; n < Number(meta['shards'] ?? 0); n += 1) {
      const shard = await redis.getBuffer(loginKeys.indexShard(login, mailbox, generation, n));
      if (shard) uids.#take(shard);
    }
    return uids;
  }

  /**
   * The UID of a delivered message; 0 where the index does not bear it out. A UID of the ledger may be that of another
   * message by now, if the mailbox was replaced.
   */
  uidOf(account: string, { key, uid, content }: LedgerRecord): number {
    const owner = ownerOf(account, key.toString('hex'));
    if (uid === 0) {
      const found = [...(this.#byOwner.get(owner) ?? [])];
      return found.length === 1 ? found[0]! : 0;
    }
    const record = this.#byUid.get(uid);
    // One that was renamed at the source is claimed under its first name.
    const fetched = content.some((byte) => byte !== 0);
    const same = fetched && record?.content === contentMark(content.toString('hex'));
    return same || record?.owner === owner ? uid : 0;
  }

  #take(shard: Buffer): void {
    for (const record of shardRecords(shard)) {
      if (record.owner === 0) continue;
      if (record.uid !== 0) {
        this.#byUid.set(record.uid, { ...record, fingerprint: Buffer.alloc(0) });
        this.#note(record.owner, record.uid);
        continue;
      }
      // A server without UIDPLUS tells no UID; a later look has found the message, and nobody else is like it.
      const same = findRecords(shard, record.fingerprint);
      const free = same.filter(({ owner, uid }) => owner === 0 && uid !== 0);
      if (free.length === 1 && same.length === 2) this.#note(record.owner, free[0]!.uid);
    }
  }

  #note(owner: number, uid: number): void {
    const known = this.#byOwner.get(owner);
    if (known) known.add(uid);
    else this.#byOwner.set(owner, new Set([uid]));
  }
}
