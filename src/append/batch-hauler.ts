/** Carries one batch: places its messages, asks for each whether it is there already, and has the others appended. */
import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import { type FingerprintKind, kindOf } from '../message/fingerprint.ts';
import type { Appender } from './appender.ts';
import type { Batch, BatchScope } from './batch.ts';
import type { Destination, OpenMailbox } from './destination.ts';
import type { InFlight } from './in-flight.ts';
import type { Place } from './indexes.ts';
import { type Item, itemOf } from './items.ts';
import { place } from './placement.ts';
import { hasKind, renewed } from './renew.ts';
import { repairItem } from './repair-item.ts';
import type { RuleSet } from './rules/rule-set.ts';
import { settleSkipped } from './skip.ts';
import { mainTarget } from './target.ts';
import { TwinSearch } from './twin-search.ts';

/** What the hauler works with. */
export interface HaulerContext {
  readonly scope: BatchScope;
  readonly settings: Settings;
  /** Where its mail goes. */
  readonly ruleSet: RuleSet;
  readonly destination: Destination;
  readonly appender: Appender;
  readonly inFlight: InFlight;
  readonly clock: Clock;
  /** True when the session began without a ledger: nothing tells where mail went before. */
  readonly forgotten: boolean;
}

/** Hauls batches of one session. */
export class BatchHauler {
  readonly #context: HaulerContext;
  readonly #twins: TwinSearch;
  readonly #kind: FingerprintKind;

  constructor(context: HaulerContext) {
    this.#context = context;
    const { destination, inFlight, settings } = context;
    this.#twins = new TwinSearch(destination, inFlight, settings.dedupe);
    this.#kind = kindOf(settings.dedupe);
  }

  /** Returns when all messages of the batch are settled or handed to a channel. */
  async haul(batch: Batch): Promise<void> {
    if (batch.file.manifest.kind === 'probes') return this.#answerProbes(batch);
    const items = await this.#withoutSkipped(batch, await this.#items(batch));
    // Regrouped by mailbox in stable order (design §3): within a mailbox the order of the source stays.
    for (const [path, group] of await this.#byMailbox(items)) await this.#haulGroup(batch, path, group);
    await batch.endDoubt();
  }

  /**
   * Probes carry no content: only where one message of the destination has the fingerprint of one of the source, and is
   * nobody's twin yet, the headers decide (design §8). All others are fetched.
   */
  async #answerProbes(batch: Batch): Promise<void> {
    const { scope, destination, appender } = this.#context;
    if (hasKind(batch.file.manifest, this.#kind)) {
      const home = await destination.use(await destination.targets.pathOf(mainTarget), 0);
      const nowhere = { target: mainTarget, internalDate: undefined, flags: [] } as const;
      const left = await batch.left();
      const items = left.map(({ index, message }) => itemOf(scope.account, index, message, nowhere, undefined));
      for (const { place, found } of await this.#twins.byHeaders(home, items)) {
        await appender.settleFound(batch, place, found);
      }
    }
    await batch.dropProbes();
  }

  async #items(batch: Batch): Promise<Item[]> {
    const { scope, settings, ruleSet, clock } = this.#context;
    const rules = { settings, ruleSet, firstRun: batch.file.manifest.firstRun, now: clock.now() };
    const renew = !hasKind(batch.file.manifest, this.#kind);
    const items: Item[] = [];
    const left = await batch.left();
    for await (const header of batch.file.headers(left.map(({ message }) => message))) {
      const { index, message, doubt } = left[items.length]!;
      const marked = renew ? renewed(message, header, this.#kind) : message;
      items.push(itemOf(scope.account, index, marked, place(header, message.size, rules), doubt));
    }
    return items;
  }

  /** Settles what a rule skips; not what may be there already, since it was sent before there was that rule. */
  async #withoutSkipped(batch: Batch, items: readonly Item[]): Promise<readonly Item[]> {
    const isSkipped = ({ placement, doubt }: Item) => placement.skip !== undefined && doubt === undefined;
    await settleSkipped(this.#context.scope, batch, items.filter(isSkipped), this.#context.clock.now());
    return items.filter((item) => !isSkipped(item));
  }

  /**
   * The items by the path of their mailbox. One whose APPEND got no answer belongs where that was sent: what the rules
   * say may have changed since, and in another mailbox it would be doubled.
   */
  async #byMailbox(items: readonly Item[]): Promise<Map<string, Item[]>> {
    const groups = new Map<string, Item[]>();
    for (const item of items) {
      const path = item.doubt?.mailbox ?? (await this.#context.destination.targets.pathOf(item.placement.target));
      groups.set(path, [...(groups.get(path) ?? []), item]);
    }
    return groups;
  }

  async #haulGroup(batch: Batch, path: string, group: Item[]): Promise<void> {
    const { destination, appender, inFlight } = this.#context;
    const mailbox = await destination.use(path, group.length);
    destination.indexes.noteUsed(mailbox.index);
    let left = await this.#resolveDoubt(batch, mailbox, group);
    for (let round = 0; left.length > 0; round += 1) {
      const { missing, found, later } = await this.#twins.sort(batch, mailbox, left, round > 0);
      await appender.settleFound(batch, mailbox, found);
      await appender.send(batch, mailbox, await this.#nowhere(batch, mailbox.path, missing));
      left = later;
      if (later.length === 0) break;
      await inFlight.drain();
      await destination.indexes.refresh(mailbox);
    }
  }

  /** Settles messages whose twins stand in other mailboxes, and gives the rest. */
  async #nowhere(batch: Batch, home: string, missing: readonly Item[]): Promise<readonly Item[]> {
    const { appender, forgotten } = this.#context;
    const elsewhere = new Set<Item>();
    const isForgotten = forgotten || batch.file.manifest.firstRun;
    for await (const { place, found } of this.#twins.elsewhere(batch, home, missing, isForgotten)) {
      await appender.settleFound(batch, place, found);
      for (const { item } of found) elsewhere.add(item);
    }
    return missing.filter((item) => !elsewhere.has(item));
  }

  /** Looks for messages whose APPEND got no answer, again after each of the waits, before they may be sent again. */
  async #resolveDoubt(batch: Batch, mailbox: OpenMailbox, group: readonly Item[]): Promise<readonly Item[]> {
    const { destination, settings, clock } = this.#context;
    let left = group;
    for (const waitMs of settings.inDoubtWaitsMs) {
      const doubtful = left.filter((item) => item.doubt !== undefined);
      if (doubtful.length === 0) return left;
      if (waitMs > 0) await clock.wait(waitMs);
      await destination.indexes.refresh(mailbox);
      left = await this.#withoutSettled(batch, mailbox, left, doubtful);
    }
    return this.#withoutRenamed(batch, mailbox, left);
  }

  /** Of the items those that are left when what is there of the doubtful ones is settled. */
  async #withoutSettled(
    batch: Batch,
    place: Place,
    items: readonly Item[],
    doubtful: readonly Item[],
  ): Promise<readonly Item[]> {
    const settled = new Set<number>();
    for (const forms of [await this.#asSent(batch, doubtful), doubtful]) {
      const open = forms.filter(({ index }) => !settled.has(index));
      const { found } = await this.#twins.sort(batch, place, open, true);
      await this.#context.appender.settleFound(batch, place, found);
      for (const { item } of found) settled.add(item.index);
    }
    return items.filter(({ index }) => !settled.has(index));
  }

  /** The mailbox in which they were sent may have another name by now, and this one be new. */
  async #withoutRenamed(batch: Batch, mailbox: OpenMailbox, items: readonly Item[]): Promise<readonly Item[]> {
    const isElsewhere = ({ doubt }: Item) => doubt !== undefined && doubt.uidValidity !== mailbox.index.uidValidity;
    let left = items;
    for (const uidValidity of new Set(items.filter(isElsewhere).map(({ doubt }) => doubt!.uidValidity))) {
      for await (const place of this.#context.destination.neighbours.renamed(mailbox.path, uidValidity)) {
        const doubtful = left.filter(({ doubt }) => doubt?.uidValidity === uidValidity);
        left = await this.#withoutSettled(batch, place, left, doubtful);
      }
    }
    return left;
  }

  /** Those of the items that were repaired before they were sent, in that form. */
  async #asSent(batch: Batch, doubtful: readonly Item[]): Promise<Item[]> {
    const sent: Item[] = [];
    for (const item of doubtful) {
      let form: Item | undefined;
      for (const name of item.doubt?.repairs ?? []) {
        form = (await repairItem(form ?? item, batch.file, name, this.#context.settings)) ?? form;
      }
      if (form) sent.push(form);
    }
    return sent;
  }
}
