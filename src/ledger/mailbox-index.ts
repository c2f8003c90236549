/**
 * The index of one destination mailbox: which fingerprint stands at which UID and whose twin it is. It belongs to the
 * destination login, is a cache of the destination, and is written by the one holder of that login's lease.
 */
import { MailhaulError } from '../ground/errors.ts';
import { loginKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { FingerprintKind } from '../message/fingerprint.ts';
import { mailboxOfIndex } from './index-kind.ts';
import { type IndexMeta, readIndexMeta } from './index-meta.ts';
import { type ShardEdit, saveIndex } from './index-save.ts';
import {
  dropUnderWay,
  findRecords,
  type IndexRecord,
  indexRecordBytes,
  putRecords,
  type ShardChange,
  shardRecords,
  spreadShard,
} from './index-shard.ts';

/** Shards that are kept in memory: 1 MB, or twice that where they are crowded. */
const cachedShards = 512;
/** Records of a shard that each message of a batch reads for itself. */
const fewRecords = 96;
/** And of one that stays in memory with all others: then a batch writes into each, and Redis works by the shard. */
const manyRecords = 384;

/** One mailbox's index, opened by the holder of the lease `token`. */
export class MailboxIndex {
  readonly path: string;
  /** What its fingerprints are made of. */
  readonly kind: FingerprintKind;
  readonly #redis: RedisClient;
  readonly #login: string;
  readonly #mailbox: string;
  readonly #token: string;
  #meta: IndexMeta;
  readonly #cache = new Map<number, Buffer>();
  /** One change or look-up at a time: each may push the shards of another out of the cache. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    redis: RedisClient,
    login: string,
    token: string,
    of: Pick<MailboxIndex, 'path' | 'kind'>,
    meta: IndexMeta,
  ) {
    this.#redis = redis;
    this.#login = login;
    this.path = of.path;
    this.kind = of.kind;
    this.#mailbox = mailboxOfIndex(of.path, of.kind);
    this.#token = token;
    this.#meta = meta;
  }

  /** Opens the index of a mailbox, empty when it is new. */
  static async open(
    redis: RedisClient,
    login: string,
    path: string,
    token: string,
    kind: FingerprintKind = 'headers',
  ): Promise<MailboxIndex> {
    const meta = await readIndexMeta(redis, loginKeys.index(login, mailboxOfIndex(path, kind)));
    return new MailboxIndex(redis, login, token, { path, kind }, meta);
  }

  get records(): number {
    return this.#meta.records;
  }

  get uidValidity(): number {
    return this.#meta.uidValidity;
  }

  /** Everything below this UID is indexed. */
  get uidNext(): number {
    return this.#meta.uidNext;
  }

  /** Makes the index fit a mailbox: another UIDVALIDITY empties it, more records than planned spread it wider. */
  async prepare(uidValidity: number, expectedRecords: number): Promise<void> {
    const inEach = expectedRecords <= cachedShards * fewRecords ? manyRecords : fewRecords;
    const planned = Math.max(1, Math.ceil(expectedRecords / inEach));
    if (this.#meta.shards === 0 || this.#meta.uidValidity !== uidValidity) {
      await this.#dropShards();
      const generation = this.#meta.generation + 1;
      this.#meta = { uidValidity, uidNext: 1, shards: planned, generation, records: 0 };
      await this.#save();
    } else if (expectedRecords / this.#meta.shards > 2 * inEach) {
      await this.#spread(this.#meta.shards * Math.ceil(planned / this.#meta.shards));
    }
  }

  /** The records of all messages that stand at the destination for a message of a source. */
  async *claimed(): AsyncGenerator<IndexRecord> {
    const { shards, generation } = this.#meta;
    for (let n = 0; n < shards; n += 1) {
      const bytes = (await this.#redis.getBuffer(this.#key(n, generation))) ?? Buffer.alloc(0);
      for (const record of shardRecords(bytes)) if (record.owner !== 0 && record.uid !== 0) yield record;
    }
  }

  /** Keeps nothing of it in memory until it is asked again. */
  rest(): void {
    // In its turn: a change under way has what it needs in the cache
    void this.#inTurn(async () => this.#cache.clear());
  }

  /** Empties it, as if it had never been. Throws `lease-lost`. */
  async clear(): Promise<void> {
    const old = this.#meta;
    this.#meta = { uidValidity: 0, uidNext: 1, shards: 0, generation: old.generation + 1, records: 0 };
    await this.#save();
    await this.#dropShards(old);
  }

  /** How many settled messages were missing when the mailbox was replaced, until somebody has said that this is right. */
  async missing(): Promise<number> {
    return Number((await this.#redis.hget(loginKeys.index(this.#login, this.#mailbox), 'missing')) ?? 0);
  }

  /** Notes that settled messages are missing, or with 0 that somebody knows. */
  async noteMissing(count: number): Promise<void> {
    const key = loginKeys.index(this.#login, this.#mailbox);
    await (count > 0 ? this.#redis.hset(key, 'missing', count) : this.#redis.hdel(key, 'missing'));
  }

  /** The records with each of these fingerprints. */
  async find(fingerprints: readonly Buffer[]): Promise<IndexRecord[][]> {
    return this.#inTurn(async () => {
      await this.#load(fingerprints.map((bytes) => this.#shardOf(bytes)));
      return fingerprints.map((bytes) => findRecords(this.#cache.get(this.#shardOf(bytes))!, bytes));
    });
  }

  /** Puts records in; `end` tells where the indexed part ends then, given where it ended. Throws `lease-lost`. */
  async put(records: readonly IndexRecord[], end: (uidNext: number) => number = (uidNext) => uidNext): Promise<void> {
    await this.#inTurn(() => this.#change(records, putRecords, end(this.#meta.uidNext)));
  }

  /** Takes back what was refused. Throws `lease-lost`. */
  async drop(records: readonly IndexRecord[]): Promise<void> {
    await this.#inTurn(() => this.#change(records, dropUnderWay, this.#meta.uidNext));
  }

  async #change(
    records: readonly IndexRecord[],
    change: (shard: Buffer, records: readonly IndexRecord[]) => ShardChange,
    uidNext: number,
  ): Promise<void> {
    if (records.length === 0 && uidNext === this.#meta.uidNext) return;
    const changing = this.#byShard(records);
    await this.#load([...changing.keys()]);
    const edits: ShardEdit[] = [];
    const before = this.#meta;
    this.#meta = { ...before, uidNext };
    for (const [shard, list] of changing) {
      const old = this.#cache.get(shard)!;
      const edit = { shard, before: old.length, change: change(old, list) };
      const { bytes, from, to } = edit.change;
      if (bytes.length === old.length && from >= to) continue;
      edits.push(edit);
      this.#meta.records += (bytes.length - old.length) / indexRecordBytes;
      this.#cache.set(shard, bytes);
    }
    try {
      await this.#save(edits);
    } catch (error) {
      // What Redis has now is not known.
      for (const { shard } of edits) this.#cache.delete(shard);
      this.#meta = before;
      throw error;
    }
  }

  #byShard(records: readonly IndexRecord[]): Map<number, IndexRecord[]> {
    const lists = new Map<number, IndexRecord[]>();
    for (const record of records) {
      const shard = this.#shardOf(record.fingerprint);
      const list = lists.get(shard);
      if (list) list.push(record);
      else lists.set(shard, [record]);
    }
    return lists;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #shardOf(fingerprint: Buffer): number {
    return fingerprint.readUInt32LE(0) % this.#meta.shards;
  }

  #key(shard: number, generation = this.#meta.generation): string {
    return loginKeys.indexShard(this.#login, this.#mailbox, generation, shard);
  }

  async #load(shards: readonly number[]): Promise<void> {
    const missing = [...new Set(shards.filter((shard) => !this.#cache.has(shard)))];
    if (missing.length === 0) return;
    if (this.#cache.size + missing.length > cachedShards) this.#forgetAllBut(new Set(shards));
    const found = await this.#redis.mgetBuffer(missing.map((shard) => this.#key(shard)));
    missing.forEach((shard, i) => void this.#cache.set(shard, found[i] ?? Buffer.alloc(0)));
  }

  #forgetAllBut(needed: ReadonlySet<number>): void {
    for (const shard of this.#cache.keys()) if (!needed.has(shard)) this.#cache.delete(shard);
  }

  async #save(edits: readonly ShardEdit[] = []): Promise<void> {
    const index = loginKeys.index(this.#login, this.#mailbox);
    const scope = { lease: loginKeys.lease(this.#login), token: this.#token, index };
    if (await saveIndex(this.#redis, scope, this.#meta, edits)) return;
    throw new MailhaulError('lease-lost', { what: `the mailbox ${this.path}` });
  }

  /** Writes all records into more shards of a new generation, then deletes the old ones. */
  async #spread(shards: number): Promise<void> {
    const old = { ...this.#meta };
    const next = { ...old, shards, generation: old.generation + 1, records: 0 };
    // A shard's number is a remainder, and the new count is a multiple of the old one: the records of old shard n go to
    // new shards n, n + old, n + 2 old … and to no other.
    for (let n = 0; n < old.shards; n += 1) {
      const bytes = (await this.#redis.getBuffer(this.#key(n, old.generation))) ?? Buffer.alloc(0);
      next.records += bytes.length / indexRecordBytes;
      for (const [shard, list] of spreadShard(bytes, shards)) {
        await this.#redis.set(this.#key(shard, next.generation), Buffer.concat(list));
      }
    }
    this.#cache.clear();
    this.#meta = next;
    await this.#save();
    await this.#dropShards(old);
  }

  async #dropShards(meta: IndexMeta = this.#meta): Promise<void> {
    this.#cache.clear();
    for (let n = 0; n < meta.shards; n += 1) await this.#redis.unlink(this.#key(n, meta.generation));
  }
}
