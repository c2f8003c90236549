/**
 * An append session as a model: the order of the steps is that of the real one, each `yield` is a place where it may
 * die or another take its place. What it decides and what it writes into the index are the real parts.
 */
import { weigh } from '../../src/append/twins.ts';
import { dropUnderWay, type IndexRecord } from '../../src/ledger/index-shard.ts';
import { type ModelAnswer, type ModelCommand, type ModelMessage, markOf, type World } from './model-world.ts';

interface Item extends ModelMessage {
  readonly inDoubtFrom: number | undefined;
}

interface Sorted {
  readonly missing: Item[];
  readonly found: { item: Item; uid: number; claims: boolean }[];
  readonly later: Item[];
}

/** Where a session stands: `closing` is between the fence and the closing bytes, which nothing can part. */
export type Step = 'step' | 'closing' | 'drain' | 'last-look';

let names = 0;

/** One session and its connection. */
export class ModelSession {
  readonly world: World;
  readonly token: number;
  /** Closed commands without an answer, in their order. */
  readonly sent: ModelCommand[] = [];
  /** Answers that were received, each the steps that are left of dealing with it. */
  readonly answers: Generator<Step, void>[] = [];
  readonly main: Generator<Step, void>;
  /** The batch it is looking at. */
  batch = 0;
  /** Where it ended: its connection is gone, and nothing more is sent. */
  over = false;
  state: Step = 'step';

  constructor(world: World, token: number) {
    this.world = world;
    this.token = token;
    world.token = token;
    this.main = this.#run();
  }

  /** The server's answer to the oldest command arrives. `order` is which of its two writes comes first. */
  receive(kind: ModelAnswer['kind'], uids: readonly number[] | undefined, order: boolean): void {
    this.answers.push(this.#settleAnswer({ command: this.sent.shift()!, kind, uids }, order));
  }

  /** The session fails: its connection is dropped, and what was closed and not answered is the server's alone. */
  fail(): void {
    this.over = true;
    this.world.orphans.push(...this.sent.splice(0));
  }

  *#run(): Generator<Step, void> {
    yield* this.#refresh();
    for (const batch of this.world.batches.keys()) {
      this.batch = batch;
      yield* this.#haul(batch);
    }
    yield* this.#drained();
  }

  *#haul(batch: number): Generator<Step, void> {
    const { world } = this;
    const intents = [...world.intents].filter(([, intent]) => intent.batch === batch);
    const doubt = (owner: number) => {
      const from = intents.filter(([, { owners }]) => owners.includes(owner)).map(([, { uidNext }]) => uidNext);
      return from.length > 0 ? Math.min(...from) : undefined;
    };
    let left: Item[] = world.batches[batch]!.filter(({ owner }) => !world.settled.has(owner)).map((message) => ({
      ...message,
      inDoubtFrom: doubt(message.owner),
    }));
    yield 'step';
    left = yield* this.#resolve(left);
    for (let round = 0; left.length > 0; round += 1) {
      const { missing, found, later } = this.#sort(left, round > 0);
      yield* this.#settleFound(found);
      yield* this.#send(batch, missing);
      left = later;
      if (left.length === 0) break;
      yield* this.#drained();
      yield* this.#refresh();
    }
    for (const [name] of intents) world.intents.delete(name);
    yield 'step';
  }

  *#resolve(items: Item[]): Generator<Step, Item[]> {
    let left = items;
    for (const look of ['step', 'last-look'] as const) {
      const doubtful = left.filter(({ inDoubtFrom }) => inDoubtFrom !== undefined);
      if (doubtful.length === 0) return left;
      yield look;
      yield* this.#refresh();
      const { found } = this.#sort(doubtful, true);
      yield* this.#settleFound(found);
      const gone = new Set(found.map(({ item }) => item));
      left = left.filter((item) => !gone.has(item));
    }
    return left;
  }

  #sort(items: readonly Item[], arrived: boolean): Sorted {
    const sorted: Sorted = { missing: [], found: [], later: [] };
    const busy = new Set<number>();
    const { noTwins, noWaiting } = this.world.weakness;
    for (const [at, item] of items.entries()) {
      const records = noTwins ? [] : this.world.find(item.mark);
      const question = { ...item, doubtFrom: item.inDoubtFrom };
      const { dedupe } = this.world;
      const verdict = weigh(question, arrived ? records.filter(({ uid }) => uid !== 0) : records, dedupe);
      if (!noWaiting && (busy.has(item.mark) || verdict.kind === 'wait')) {
        sorted.later.push(...items.slice(at));
        break;
      }
      const twin = verdict.kind === 'compare' ? this.#twin(item, verdict.candidates) : undefined;
      const record = verdict.kind === 'mine' || verdict.kind === 'twin' ? verdict.record : twin;
      if (record) {
        const claims = record.owner === 0 || record.owner === item.owner;
        sorted.found.push({ item, uid: record.uid, claims });
      } else sorted.missing.push(item);
      if (record ? record.owner === 0 : dedupe !== 'off') busy.add(item.mark);
    }
    return sorted;
  }

  #twin(item: Item, candidates: readonly IndexRecord[]): IndexRecord | undefined {
    const { stored } = this.world;
    return candidates.find(({ uid }) => stored.find((one) => one.uid === uid)?.content === item.content);
  }

  *#settleFound(found: Sorted['found']): Generator<Step, void> {
    if (found.length === 0) return;
    this.#put(found.filter(({ claims }) => claims).map(({ item, uid }) => recordOf(item, uid)));
    yield 'step';
    this.#settle(found.map(({ item }) => item));
    yield 'step';
  }

  *#send(batch: number, items: readonly Item[]): Generator<Step, void> {
    const { perCommand } = this.world.server;
    for (let at = 0; at < items.length; at += perCommand) {
      const messages = items.slice(at, at + perCommand);
      names += 1;
      const command = { name: `c${names}`, batch, messages };
      yield 'step';
      yield* this.#close(command);
    }
  }

  /** Fence, intent and claim in either order, then the closing bytes. */
  *#close(command: ModelCommand): Generator<Step, void> {
    const { world } = this;
    const { name, batch, messages } = command;
    this.#put(messages.map((message) => recordOf(message, 0)));
    if (this.over) return;
    yield 'step';
    if (!world.holds(this.token)) {
      this.fail();
      return;
    }
    const owners = messages.map(({ owner }) => owner);
    if (!world.weakness.noIntent) world.intents.set(name, { batch, owners, uidNext: world.indexedTo });
    yield 'closing';
    this.sent.push(command);
    yield 'step';
  }

  *#settleAnswer({ command, kind, uids }: ModelAnswer, order: boolean): Generator<Step, void> {
    const { world } = this;
    const { messages, name } = command;
    if (kind === 'refused') {
      if (world.holds(this.token)) {
        world.shard = dropUnderWay(
          world.shard,
          messages.map((message) => recordOf(message, 0)),
        ).bytes;
        yield 'step';
        world.intents.delete(name);
      }
      this.fail();
      return;
    }
    const records = messages.map((message, at) => recordOf(message, uids?.[at] ?? 0));
    const index = () => this.#put(records, uids && nextAfter(world.indexedTo, uids));
    const settle = () => this.#settle(messages, name);
    for (const write of order ? [index, settle] : [settle, index]) {
      write();
      yield 'step';
    }
  }

  *#refresh(): Generator<Step, void> {
    const { world } = this;
    const { uidNext } = world;
    const seen = world.stored.filter(({ uid }) => uid >= world.indexedTo && uid < uidNext);
    yield 'step';
    this.#put(seen.map(({ mark, uid }) => ({ fingerprint: markOf(mark), uid, content: 0, owner: 0 })));
    yield 'step';
    this.#put([], Math.max(world.indexedTo, uidNext));
    yield 'step';
  }

  *#drained(): Generator<Step, void> {
    while (this.sent.length + this.answers.length > 0) yield 'drain';
  }

  #put(records: readonly IndexRecord[], uidNext?: number): void {
    if (!this.over && !this.world.put(this.token, records, uidNext)) this.fail();
  }

  #settle(messages: readonly ModelMessage[], command?: string): void {
    const { world } = this;
    if (world.holds(this.token)) {
      for (const { owner } of messages) world.settled.add(owner);
      if (command !== undefined) world.intents.delete(command);
    } else this.fail();
  }
}

function recordOf({ mark, content, owner }: ModelMessage, uid: number): IndexRecord {
  return { fingerprint: markOf(mark), uid, content, owner };
}

function nextAfter(uidNext: number, uids: readonly number[]): number {
  let next = uidNext;
  for (const uid of uids) {
    if (uid !== next) return uidNext;
    next += 1;
  }
  return next;
}
