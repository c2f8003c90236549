/**
 * Probing: the headers of a maildrop (TOP) are held against a destination that holds mail already, after a flushed Redis
 * for example, so that only what is not there is fetched. TOP proves a twin at most; it is never the source of a message.
 */
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { KeyTable } from '../ledger/key-table.ts';
import { keyBytes, uidlKey } from '../ledger/record.ts';
import { type Run, readRun } from '../ledger/run.ts';
import type { Bell } from '../limits/bell.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import { type FingerprintKind, fingerprint, fingerprintBytes, kindOf } from '../message/fingerprint.ts';
import { headerFields } from '../message/header.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { PopRequest } from '../pop3/sink.ts';
import { BatchWriter } from '../spool/batch-writer.ts';
import type { Spool } from '../spool/spool.ts';
import { HandOver } from './hand-over.ts';
import type { Pick } from './pick.ts';
import { Registrar } from './registrar.ts';
import type { SourceClient } from './source-client.ts';

/** A destination with fewer messages than this share of what is to come is not worth a TOP of all of it. */
const worthwhileShare = 0.05;
const probesAtOnce = 1000;
/** The bell is only a hint. */
const lookAgainMs = 1000;
const headerOctets = 4096;
const noContent = '0'.repeat(64);

/** What probing needs from the session. */
export interface ProbeContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly spool: Spool;
  readonly bell: Bell;
  announce(): void;
}

/** Whose source is probed. */
interface ProbeTask {
  readonly account: string;
  readonly id: string;
  readonly topForbidden?: boolean;
}

/** True where headers may prove a twin: elsewhere TOP would spare no download. */
function headersProve(dedupe: Settings['dedupe']): boolean {
  return dedupe === 'confirmed' || dedupe === 'message-id';
}

/** The probing of one session. */
export class Probe {
  readonly #task: ProbeTask;
  readonly #context: ProbeContext;
  readonly #taker: string;

  /** `taker` is the token of the session. */
  constructor(task: ProbeTask, context: ProbeContext, taker: string) {
    this.#task = task;
    this.#context = context;
    this.#taker = taker;
  }

  /** True when the destination is known to hold enough mail. */
  isWorthwhile(client: SourceClient, wanted: number, run: Run): boolean {
    if (!headersProve(this.#context.settings.dedupe)) return false;
    if (run.probed || topFault(client, this.#context.settings.popProbe, this.#task.topForbidden)) return false;
    return run.destinationMessages > 0 && run.destinationMessages >= wanted * worthwhileShare;
  }

  /** Waits for the destination's word about what it holds, at most `popProbeWaitMs`; returns the run as it is then. */
  async answer(run: Run): Promise<Run> {
    const { redis, bell, settings } = this.#context;
    if (!headersProve(settings.dedupe)) return run;
    const until = performance.now() + settings.popProbeWaitMs;
    for (let now: Run = run; ; ) {
      const left = until - performance.now();
      if (now.destinationMessages >= 0 || now.state === 'waiting' || left <= 0) return now;
      const next = bell.next(this.#task.account, Math.min(left, lookAgainMs));
      now = (await readRun(redis, this.#task.account)) ?? now;
      if (now.destinationMessages >= 0) next.cancel();
      await next.rung;
    }
  }

  /**
   * Calls `stop` if the destination turns out to be worth probing while the download has begun already; until `end` is
   * aborted. What was fetched by then is not lost: its content is compared.
   */
  async watch(client: SourceClient, wanted: number, run: Run, end: AbortSignal, stop: () => void): Promise<void> {
    const { redis, bell } = this.#context;
    const { account } = this.#task;
    for (let now: Run | undefined = run; now?.id === run.id && !end.aborted; ) {
      if (now.destinationMessages >= 0) {
        if (this.isWorthwhile(client, wanted, now)) stop();
        return;
      }
      const next = bell.next(account, lookAgainMs, end);
      now = await readRun(redis, account);
      if ((now?.destinationMessages ?? 0) >= 0) next.cancel();
      await next.rung;
    }
  }

  /** Fetches the headers and hands the fingerprints over that nominate one message of the source each. */
  async run(
    client: SourceClient,
    listing: MaildropListing,
    todo: Pick,
    firstRun: boolean,
    budget: SessionBudget,
  ): Promise<void> {
    const { redis, settings, spool } = this.#context;
    const places = todo.wanted.filter((place) => todo.hasOwnUidl(place));
    const kind = kindOf(settings.dedupe);
    const marks = new Fingerprints(places.length, kind);
    await client.look(topRequests(listing, places, budget), settings.headerMaxBytes, (header) => marks.add(header));
    const { account, id } = this.#task;
    const announce = () => this.#context.announce();
    const handOver = new HandOver(new Registrar({ redis, spool, account, taker: this.#taker, announce }));
    const newWriter = () => new BatchWriter(spool, { account, id, kind: 'probes', firstRun, fingerprints: kind });
    let writer = newWriter();
    for (const [at, mark] of marks.unique()) {
      const uidl = listing.uidl(places[at]!);
      const facts = { key: uidlKey(uidl).toString('hex'), uidl: uidl.toString('latin1') };
      const nothing = { size: 0, sha256: noContent, hasNul: false };
      writer.keep(nothing, { ...facts, headerBytes: 0, fingerprint: mark, hasMessageId: true });
      if (writer.messages < probesAtOnce) continue;
      await handOver.submit(writer, 0);
      writer = newWriter();
    }
    if (writer.messages > 0) await handOver.submit(writer, 0);
    await handOver.settled();
  }
}

/** Why headers cannot be asked for alone; undefined where they can. */
export function topFault(
  { capabilities }: { readonly capabilities: ReadonlyMap<string, string> },
  popProbe: boolean,
  topForbidden = false,
): string | undefined {
  if (!popProbe) return 'TOP is switched off (popProbe)';
  if (topForbidden) return 'TOP does harm at this provider';
  // RFC 1939 §7: TOP is optional; a server without CAPA may have it.
  const hasTop = capabilities.size === 0 || capabilities.has('TOP');
  return hasTop ? undefined : 'the source has no TOP';
}

/** Fingerprints of headers, 10 bytes a message. */
class Fingerprints {
  readonly #marks: Buffer;
  readonly #kind: FingerprintKind;
  #at = 0;

  constructor(count: number, kind: FingerprintKind) {
    // A key of the table is 10 bytes: the fingerprint, and whether it has a Message-ID to speak for it.
    this.#marks = Buffer.alloc(count * keyBytes);
    this.#kind = kind;
  }

  /** The next header; a message whose header cannot be had is fetched. */
  add(header: Buffer | undefined): void {
    if (header) {
      const { bytes, hasMessageId } = fingerprint(headerFields(header), this.#kind);
      bytes.copy(this.#marks, this.#at * keyBytes);
      this.#marks[this.#at * keyBytes + fingerprintBytes] = hasMessageId ? 1 : 0;
    }
    this.#at += 1;
  }

  /** Places of the messages that no other resembles, with their fingerprints in hexadecimal. */
  *unique(): Generator<[at: number, fingerprint: string]> {
    const table = new KeyTable(this.#marks, keyBytes);
    const shared = new Set<number>();
    for (let at = 0; at < this.#at; at += 1) {
      const last = table.find(this.#mark(at));
      if (last !== at) shared.add(last).add(at);
    }
    for (let at = 0; at < this.#at; at += 1) {
      const mark = this.#mark(at);
      if (mark[fingerprintBytes] === 1 && !shared.has(at)) yield [at, mark.toString('hex', 0, fingerprintBytes)];
    }
  }

  #mark(at: number): Buffer {
    return this.#marks.subarray(at * keyBytes, (at + 1) * keyBytes);
  }
}

/** A header is a few kilobytes, whatever the size of its message. Those that no budget is left for are not looked at. */
export async function* topRequests(
  listing: MaildropListing,
  places: Uint32Array,
  budget: SessionBudget,
): AsyncGenerator<PopRequest> {
  for (const place of places) {
    if (budget.limited && (await budget.pass(1, headerOctets))) return;
    yield { number: listing.number(place), octets: headerOctets, headersOnly: true };
  }
}
