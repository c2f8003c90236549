/** The search for twins in mailboxes: by their indexes, and by content where those leave a doubt (design §8). */
import type { IndexRecord } from '../ledger/index-shard.ts';
import { bodyDigest } from '../message/canonical.ts';
import type { Batch } from './batch.ts';
import type { Destination } from './destination.ts';
import type { InFlight } from './in-flight.ts';
import type { Neighbour, Place } from './indexes.ts';
import { contentOf, type Item } from './items.ts';
import { type Dedupe, mayBeOurs, type Question, weigh } from './twins.ts';

/** A message that is there already. */
export interface Found {
  readonly item: Item;
  readonly uid: number;
  readonly outcome: 'appended' | 'duplicate';
  /** True when what is there becomes this message's twin, and no other's. */
  readonly claims: boolean;
}

/** What was found out about messages of one mailbox. */
export interface Sorted {
  readonly missing: Item[];
  readonly found: Found[];
  /** To be asked again when what is on its way has arrived. */
  readonly later: Item[];
}

/** Looks for twins at one destination. */
export class TwinSearch {
  readonly #destination: Destination;
  readonly #inFlight: InFlight;
  readonly #dedupe: Dedupe;

  constructor(destination: Destination, inFlight: InFlight, dedupe: Dedupe) {
    this.#destination = destination;
    this.#inFlight = inFlight;
    this.#dedupe = dedupe;
  }

  /** Asks for each message of a mailbox whether it is there. `arrived` says that nothing is on its way any more. */
  async sort(batch: Batch, place: Place, items: readonly Item[], arrived: boolean): Promise<Sorted> {
    const sorted: Sorted = { missing: [], found: [], later: [] };
    const records = await place.index.find(items.map((item) => item.fingerprint));
    // Fingerprints whose records are about to change: the next message with one of them must see the change.
    const busy = new Set<string>();
    for (const [i, item] of items.entries()) {
      const known = arrived ? arrivedOf(records[i]!) : records[i]!;
      const question = questionOf(item, doubtFrom(item, place));
      const mark = item.fingerprint.toString('hex');
      if (busy.has(mark) || weigh(question, known, this.#dedupe).kind === 'wait') {
        // Those behind it wait too, so that a mailbox keeps the order of its source.
        sorted.later.push(...items.slice(i));
        break;
      }
      const found = await this.#find(batch, place, item, question, known);
      if (found) sorted.found.push(found);
      else sorted.missing.push(item);
      if (found ? found.claims : this.#dedupe !== 'off') busy.add(mark);
    }
    return sorted;
  }

  /**
   * Asks whether messages that are missing in their own mailbox stand in another one; yields what was found mailbox by
   * mailbox. `forgotten` says that no ledger tells where mail went before.
   */
  async *elsewhere(
    batch: Batch,
    home: string,
    missing: readonly Item[],
    forgotten: boolean,
  ): AsyncGenerator<{ place: Place; found: Found[] }> {
    let left = missing;
    if (left.length === 0) return;
    for await (const place of this.#destination.neighbours.beside(home, forgotten)) {
      const found = await this.#sortBeside(batch, place, left);
      if (found.length === 0) continue;
      yield { place, found };
      const settled = new Set(found.map(({ item }) => item));
      left = left.filter((item) => !settled.has(item));
      if (left.length === 0) return;
    }
  }

  /**
   * What headers alone prove: messages of which the destination has one in all its mailboxes, which is nobody's twin
   * yet. `home` is the account's own mailbox.
   */
  async byHeaders(home: Place, items: readonly Item[]): Promise<{ place: Place; found: Found[] }[]> {
    const marks = items.map((item) => item.fingerprint);
    const only = new Map<Item, { place: Place; record: IndexRecord } | 'several'>();
    const { indexes, neighbours } = this.#destination;
    const own = await indexes.ofNeighbour(home.path);
    const look = async (place: Neighbour) => {
      for (const [i, records] of (await place.index.find(marks)).entries()) {
        const item = items[i]!;
        const single = records.length === 1 && !only.has(item) && !place.carried;
        if (records.length > 0) only.set(item, single ? { place, record: records[0]! } : 'several');
      }
    };
    if (own) await look(own);
    for await (const place of neighbours.beside(home.path, true)) await look(place);
    const found = new Map<Place, Found[]>();
    for (const [item, one] of only) {
      if (one === 'several' || one.record.owner !== 0 || one.record.uid === 0) continue;
      const { place, record } = one;
      found.set(place, [...(found.get(place) ?? []), { item, uid: record.uid, outcome: 'duplicate', claims: true }]);
    }
    return [...found].map(([place, list]) => ({ place, found: list }));
  }

  async #sortBeside(batch: Batch, place: Neighbour, items: readonly Item[]): Promise<Found[]> {
    const marks = items.map((item) => item.fingerprint);
    let records = await place.index.find(marks);
    if (records.some((list) => list.some(({ uid }) => uid === 0))) {
      // What goes there for another message of this run has to arrive first.
      await this.#inFlight.drain();
      await this.#destination.indexes.refresh(place);
      records = await place.index.find(marks);
    }
    const found: Found[] = [];
    for (const [i, item] of items.entries()) {
      const question = questionOf(item, item.doubt && place.newFrom);
      const twin = await this.#find(batch, place, item, question, arrivedOf(records[i]!));
      if (twin) found.push(twin);
    }
    return found;
  }

  async #find(
    batch: Batch,
    place: Place,
    item: Item,
    question: Question,
    known: readonly IndexRecord[],
  ): Promise<Found | undefined> {
    const verdict = weigh(question, known, this.#dedupe);
    if (verdict.kind === 'append' || verdict.kind === 'wait') return undefined;
    const record =
      verdict.kind === 'compare' ? await this.#twin(batch, place, item, verdict.candidates) : verdict.record;
    if (!record) return undefined;
    const ours = verdict.kind === 'mine' || mayBeOurs(question, record);
    // One that is another message's stays so: a message that is equal to it is a duplicate, and takes nothing.
    const claims = record.owner === 0 || record.owner === item.owner;
    return { item, uid: record.uid, outcome: ours ? 'appended' : 'duplicate', claims };
  }

  /** The first candidate whose body is this message's, both in canonical form. */
  async #twin(
    batch: Batch,
    place: Place,
    item: Item,
    candidates: readonly IndexRecord[],
  ): Promise<IndexRecord | undefined> {
    const body = await bodyDigest(contentOf(item, batch.file));
    const looker = await this.#destination.looker();
    for (const candidate of candidates) {
      const message = await looker.message(place.path, candidate.uid);
      if (message && body.equals(await bodyDigest(message))) return candidate;
    }
    return undefined;
  }
}

/** The lowest UID that an item in doubt may have; in a mailbox that was replaced it may have any. */
function doubtFrom({ doubt }: Item, { index }: Place): number | undefined {
  return doubt && (doubt.uidValidity === index.uidValidity ? doubt.uidNext : 1);
}

function questionOf(item: Item, doubtFrom: number | undefined): Question {
  return { owner: item.owner, content: item.content, hasMessageId: item.message.hasMessageId, doubtFrom };
}

function arrivedOf(records: readonly IndexRecord[]): readonly IndexRecord[] {
  return records.filter(({ uid }) => uid !== 0);
}
