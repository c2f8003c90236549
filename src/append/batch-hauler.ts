/** Carries one batch: places its messages, asks for each whether it is there already, and has the others appended. */
import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import type { IndexRecord } from '../ledger/index-shard.ts';
import { bodyDigest } from '../message/canonical.ts';
import type { Appender } from './appender.ts';
import type { Batch } from './batch.ts';
import type { Destination, OpenMailbox } from './destination.ts';
import type { InFlight } from './in-flight.ts';
import { type Item, itemOf } from './items.ts';
import { place } from './placement.ts';
import { weigh } from './twins.ts';

/** What the hauler works with. */
export interface HaulerContext {
  readonly account: string;
  readonly settings: Settings;
  /** Addresses of the user, in lower case. */
  readonly addresses: ReadonlySet<string>;
  readonly destination: Destination;
  readonly appender: Appender;
  readonly inFlight: InFlight;
  readonly clock: Clock;
}

/** What was found out about messages of one mailbox. */
interface Sorted {
  readonly missing: Item[];
  readonly found: { item: Item; uid: number; outcome: 'appended' | 'duplicate'; claims: boolean }[];
  /** To be asked again when what is on its way has arrived. */
  readonly later: Item[];
}

/** Hauls batches of one session. */
export class BatchHauler {
  readonly #context: HaulerContext;

  constructor(context: HaulerContext) {
    this.#context = context;
  }

  /** Returns when all messages of the batch are settled or handed to a channel. */
  async haul(batch: Batch): Promise<void> {
    if (batch.file.manifest.kind === 'probes') return this.#answerProbes(batch);
    const items = await this.#items(batch);
    // Regrouped by mailbox in stable order (design §3): within a mailbox the order of the source stays.
    for (const role of ['main', 'own'] as const) {
      const group = items.filter((item) => item.placement.role === role);
      if (group.length > 0) await this.#haulGroup(batch, role, group);
    }
    await batch.endDoubt();
  }

  /**
   * Probes carry no content: only where one message of the destination has the fingerprint of one of the source, and is
   * nobody's twin yet, the headers decide (design §8). All others are fetched.
   */
  async #answerProbes(batch: Batch): Promise<void> {
    const { account, destination, appender } = this.#context;
    const paths = [await destination.pathOf('main'), await destination.ownIfAny()].filter((path) => path !== undefined);
    const mailboxes = await Promise.all([...new Set(paths)].map((path) => destination.use(path, 0)));
    const nowhere = { role: 'main', internalDate: undefined, flags: [] } as const;
    const items = (await batch.left()).map(({ index, message }) => itemOf(account, index, message, nowhere, undefined));
    const fingerprints = items.map((item) => item.fingerprint);
    const records = await Promise.all(mailboxes.map((mailbox) => mailbox.index.find(fingerprints)));
    for (const [m, mailbox] of mailboxes.entries()) {
      const found = items.flatMap((item, i) => {
        const [only, second] = records.flatMap((lists) => lists[i]!);
        if (!only || second || only.owner !== 0 || only.uid === 0 || records[m]![i]!.length === 0) return [];
        return [{ item, uid: only.uid, outcome: 'duplicate' as const, claims: true }];
      });
      await appender.settleFound(batch, mailbox, found);
    }
    await batch.dropProbes();
  }

  async #items(batch: Batch): Promise<Item[]> {
    const { account, settings, addresses, clock } = this.#context;
    const rules = { settings, addresses, firstRun: batch.file.manifest.firstRun, now: clock.now() };
    const items: Item[] = [];
    const left = await batch.left();
    for await (const header of batch.file.headers(left.map(({ message }) => message))) {
      const { index, message, inDoubtFrom } = left[items.length]!;
      items.push(itemOf(account, index, message, place(header, rules), inDoubtFrom));
    }
    return items;
  }

  async #haulGroup(batch: Batch, role: 'main' | 'own', group: Item[]): Promise<void> {
    const { destination, appender, inFlight } = this.#context;
    const path = await destination.pathOf(role);
    const mailbox = await destination.use(path, group.length);
    let left = await this.#resolveDoubt(batch, mailbox, group);
    for (let round = 0; left.length > 0; round += 1) {
      const { missing, found, later } = await this.#sort(batch, mailbox, left, round > 0);
      await appender.settleFound(batch, mailbox, found);
      await appender.send(batch, mailbox, missing);
      left = later;
      if (later.length === 0) break;
      await inFlight.drain();
      await destination.refresh(mailbox);
    }
  }

  /** Looks for messages whose APPEND got no answer, again after each of the waits, before they may be sent again. */
  async #resolveDoubt(batch: Batch, mailbox: OpenMailbox, group: readonly Item[]): Promise<readonly Item[]> {
    const { destination, appender, settings, clock } = this.#context;
    let left = group;
    for (const waitMs of settings.inDoubtWaitsMs) {
      const doubtful = left.filter((item) => item.inDoubtFrom !== undefined);
      if (doubtful.length === 0) return left;
      if (waitMs > 0) await clock.wait(waitMs);
      await destination.refresh(mailbox);
      const { found } = await this.#sort(batch, mailbox, doubtful, true);
      await appender.settleFound(batch, mailbox, found);
      const settled = new Set(found.map(({ item }) => item));
      left = left.filter((item) => !settled.has(item));
    }
    return left;
  }

  /** Asks for each message whether it is there. `arrived` says that nothing is on its way any more. */
  async #sort(batch: Batch, mailbox: OpenMailbox, items: readonly Item[], arrived: boolean): Promise<Sorted> {
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
    const body = await bodyDigest(batch.file.content(item.message));
    const looker = await this.#context.destination.looker();
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
  return item.inDoubtFrom !== undefined && twin.owner === 0 && twin.uid >= item.inDoubtFrom;
}
