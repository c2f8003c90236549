/** The search for twins in a mailbox: by its index, and by content where that leaves a doubt (design §8). */
import type { IndexRecord } from '../ledger/index-shard.ts';
import { bodyDigest } from '../message/canonical.ts';
import type { Batch } from './batch.ts';
import type { Destination, OpenMailbox } from './destination.ts';
import { contentOf, type Item } from './items.ts';
import { weigh } from './twins.ts';

/** What was found out about messages of one mailbox. */
export interface Sorted {
  readonly missing: Item[];
  readonly found: { item: Item; uid: number; outcome: 'appended' | 'duplicate'; claims: boolean }[];
  /** To be asked again when what is on its way has arrived. */
  readonly later: Item[];
}

/** Looks for twins at one destination. */
export class TwinSearch {
  readonly #destination: Destination;

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  /** Asks for each message of a mailbox whether it is there. `arrived` says that nothing is on its way any more. */
  async sort(batch: Batch, mailbox: OpenMailbox, items: readonly Item[], arrived: boolean): Promise<Sorted> {
    const sorted: Sorted = { missing: [], found: [], later: [] };
    const records = await mailbox.index.find(items.map((item) => item.fingerprint));
    // Fingerprints whose records are about to change: the next message with one of them must see the change.
    const busy = new Set<string>();
    for (const [i, item] of items.entries()) {
      const known = arrived ? records[i]!.filter((record) => record.uid !== 0) : records[i]!;
      const verdict = weigh(item, known);
      if (busy.has(item.message.fingerprint) || verdict.kind === 'wait') {
        // Those behind it wait too, so that a mailbox keeps the order of its source.
        sorted.later.push(...items.slice(i));
        break;
      }
      const twin = verdict.kind === 'compare' ? await this.#twin(batch, mailbox, item, verdict.candidates) : undefined;
      const record = verdict.kind === 'mine' ? verdict.record : twin;
      if (!record) sorted.missing.push(item);
      else
        sorted.found.push({
          item,
          uid: record.uid,
          outcome: twin && !isOurs(twin, item) ? 'duplicate' : 'appended',
          claims: !isAnothers(record, item),
        });
      if (!record || record.owner === 0) busy.add(item.message.fingerprint);
    }
    return sorted;
  }

  /** The first candidate whose body is this message's, both in canonical form. */
  async #twin(
    batch: Batch,
    mailbox: OpenMailbox,
    item: Item,
    candidates: readonly IndexRecord[],
  ): Promise<IndexRecord | undefined> {
    const body = await bodyDigest(contentOf(item, batch.file));
    const looker = await this.#destination.looker();
    for (const candidate of candidates) {
      const message = await looker.message(mailbox.path, candidate.uid);
      if (message && body.equals(await bodyDigest(message))) return candidate;
    }
    return undefined;
  }
}

/** True for a record that is another message's: one that is equal to it is a duplicate, and takes nothing. */
function isAnothers(record: IndexRecord, item: Item): boolean {
  return record.owner !== 0 && record.owner !== item.owner;
}

/** True for a twin that our own APPEND may have stored: it was sent, and its answer was lost. */
function isOurs(twin: IndexRecord, item: Item): boolean {
  return item.doubt !== undefined && twin.owner === 0 && twin.uid >= item.doubt.uidNext;
}
