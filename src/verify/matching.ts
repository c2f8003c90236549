/** Holds what must be at the destination against what is there, and decides about every message. */
import type { LedgerRecord } from '../ledger/record.ts';
import type { Repair } from '../ledger/repairs.ts';
import type { Contents } from './contents.ts';
import type { Expected } from './expected.ts';
import type { Held, Holdings } from './holdings.ts';
import {
  type Asked,
  type Compared,
  type Conclusion,
  faultAmong,
  judge,
  proofAmong,
  sameAmong,
  sizeTolerance,
  type Verdict,
} from './verdict.ts';

/** What is matched, and how content is read where headers leave a doubt. */
export interface Sides {
  readonly expected: Expected;
  readonly holdings: Holdings;
  /** Paths of the mailboxes by their numbers in the ledger. */
  readonly mailboxes: ReadonlyMap<number, string>;
  /** Reads the content of a message of the destination; undefined when it has gone away. */
  readonly contents: (held: Held) => Promise<Contents | undefined>;
  /** Reads the content of listed messages into `expected`, as far as the source hands them out. */
  readonly readSource: (messages: readonly number[]) => Promise<void>;
  /** True where several messages with one Message-ID are one at the destination, whatever their content. */
  readonly oneById?: boolean;
}

interface Candidate {
  readonly held: Held;
  readonly recorded: boolean;
  readonly alike: boolean;
}

interface Doubt {
  readonly n: number;
  readonly candidates: readonly Candidate[];
  readonly equal: readonly Compared['equal'][];
}

/** One matching of one account. */
export class Matching {
  readonly #sides: Sides;
  /** Messages whose body is as it was sent and whose header is not. */
  rewritten = 0;

  constructor(sides: Sides) {
    this.#sides = sides;
  }

  /** Decides about everything that is expected. Throws MailhaulError. */
  async run(): Promise<void> {
    const { expected, readSource } = this.#sides;
    const doubts = this.#judgeAll();
    const unread = doubts.filter((n) => expected.isListed(n) && !expected.isAnonymous(n) && !expected.contents(n));
    if (unread.length > 0) await readSource(unread);
    const open: Doubt[] = [];
    for (const n of doubts) {
      const doubt = await this.#compare(n);
      const compared = this.#compared(doubt);
      const proof = proofAmong(this.#isKnown(n), compared) ?? (this.#isOneById(n) ? sameAmong(compared) : undefined);
      if (proof) this.#conclude(doubt, proof);
      else open.push(doubt);
    }
    // Only now is it known which candidates are the twins of others.
    for (const doubt of open) {
      const { n } = doubt;
      this.#conclude(doubt, faultAmong(this.#isKnown(n), expected.hasMessageId(n), this.#compared(doubt)));
    }
    await this.#findLost();
  }

  /** Decides where UIDs, sizes and headers suffice; returns the others in the order of the destination. */
  #judgeAll(): number[] {
    const { expected } = this.#sides;
    const doubts: number[] = [];
    const order = new Int32Array(expected.size);
    for (let n = 0; n < expected.size; n += 1) {
      const candidates = this.#candidates(n);
      const recorded = candidates.find((candidate) => candidate.recorded);
      const elsewhere = candidates.filter((candidate) => !candidate.recorded);
      const judgement = judge(this.#asked(n), {
        recorded: recorded && { size: recorded.held.size, alike: recorded.alike },
        elsewhere: elsewhere.map(({ held }) => held.size),
      });
      const found = judgement === 'present' ? recorded : judgement === 'missing' ? undefined : elsewhere[0];
      const isThere = judgement === 'present' || judgement === 'moved' || judgement === 'unrecorded';
      if (judgement === 'compare' || (expected.isDeep(n) && isThere)) {
        order[n] = (recorded ?? elsewhere[0])!.held.number;
        doubts.push(n);
      } else if (isThere) {
        this.#settle(n, judgement, found!.held.number);
      } else {
        expected.decide(n, judgement);
      }
    }
    return doubts.sort((a, b) => order[a]! - order[b]!);
  }

  #asked(n: number): Asked {
    const { expected } = this.#sides;
    const record = expected.record(n);
    return {
      outcome: record?.outcome,
      size: expected.repair(n)?.size ?? record?.size ?? 0,
      hasFingerprint: expected.fingerprint(n) !== undefined,
      hasMessageId: expected.hasMessageId(n),
      alone: expected.isAlone(n),
      spooled: expected.isSpooled(n),
    };
  }

  #isKnown(n: number): boolean {
    return this.#sides.expected.record(n) !== undefined;
  }

  /** A duplicate has its twin's content or, where the Message-ID decides, at least its name. */
  #isOneById(n: number): boolean {
    const { expected, oneById } = this.#sides;
    return oneById === true && expected.hasMessageId(n) && expected.record(n)?.outcome === 'duplicate';
  }

  /** What may be this message: what is at its UID first, then all that has its fingerprint. */
  #candidates(n: number): Candidate[] {
    const { expected, holdings } = this.#sides;
    const record = expected.record(n);
    const recorded = record && this.#recorded(record);
    const fingerprint = expected.fingerprint(n);
    const alike = fingerprint ? holdings.alike(fingerprint) : [];
    const others = alike.filter(({ number }) => number !== recorded?.number);
    const candidates = others.map((held) => ({ held, recorded: false, alike: true }));
    if (!recorded) return candidates;
    return [{ held: recorded, recorded: true, alike: others.length < alike.length }, ...candidates];
  }

  #recorded({ mailbox, uid }: LedgerRecord): Held | undefined {
    const { holdings, mailboxes } = this.#sides;
    const number = holdings.mailboxNumber(mailboxes.get(mailbox) ?? '');
    if (uid === 0 || number === -1 || holdings.mailboxes[number]!.renumbered) return undefined;
    return holdings.at(number, uid);
  }

  /** Reads the candidates until one is wholly equal. One that went away in the meantime is none. */
  async #compare(n: number): Promise<Doubt> {
    const { contents, expected } = this.#sides;
    const candidates: Candidate[] = [];
    const equal: Compared['equal'][] = [];
    // Asked anew: the source may have been read since, and only RETR is sure to give the header as it is.
    for (const candidate of this.#candidates(n)) {
      const there = await contents(candidate.held);
      if (!there) continue;
      candidates.push(candidate);
      equal.push(this.#equality(n, there));
      if (this.#hasDigest(n)) expected.setCompared(n);
      if (equal.at(-1) === 'all') break;
    }
    return { n, candidates, equal };
  }

  #equality(n: number, there: Contents): Compared['equal'] {
    const { expected } = this.#sides;
    const repair = expected.repair(n);
    if (repair) return equalityOf(repair, there);
    const here = expected.contents(n);
    if (here) {
      if (!here.body.equals(there.body)) return 'nothing';
      return here.header.equals(there.header) ? 'all' : 'body';
    }
    // The ledger keeps the first bytes of the digest of what was fetched, zeros where nothing was.
    const kept = expected.record(n)?.content;
    const same = this.#hasDigest(n) && kept && there.sha256.subarray(0, kept.length).equals(kept);
    return same ? 'all' : 'unknown';
  }

  #hasDigest(n: number): boolean {
    const { expected } = this.#sides;
    return expected.contents(n) !== undefined || (expected.record(n)?.content.some((byte) => byte !== 0) ?? false);
  }

  #compared({ candidates, equal }: Doubt): Compared[] {
    return candidates.map(({ held, recorded, alike }, i) => ({
      recorded,
      alike,
      equal: equal[i]!,
      free: this.#sides.holdings.claims(held.number) === 0,
    }));
  }

  #conclude(doubt: Doubt, { verdict, choice }: Conclusion): void {
    const { expected } = this.#sides;
    const { n, candidates, equal } = doubt;
    const place = candidates[choice]?.held.number ?? -1;
    this.#settle(n, verdict, place);
    const isThere = verdict === 'present' || verdict === 'moved';
    if (isThere && equal[choice] === 'body' && expected.record(n)?.outcome === 'appended') this.rewritten += 1;
  }

  #settle(n: number, verdict: Verdict, place: number): void {
    const { expected, holdings } = this.#sides;
    // Where the ledger has no UID, every place is the right one.
    const unplaced = verdict === 'moved' && expected.record(n)?.uid === 0;
    expected.decide(n, unplaced ? 'present' : verdict, place);
    if (place !== -1) holdings.claim(place, expected.isListed(n));
  }

  /** Messages without a header to look for: what has their size and is nobody's twin is read, and told by its digest. */
  async #findLost(): Promise<void> {
    const { expected, holdings, contents } = this.#sides;
    const lost = new Map<number, number[]>();
    // Where a mailbox was replaced, another message may have its UID.
    const isLost = (n: number) => expected.verdict(n) === 'missing' || expected.verdict(n) === 'unproven';
    for (let n = 0; n < expected.size; n += 1) {
      if (!isLost(n) || expected.fingerprint(n)) continue;
      const size = expected.repair(n)?.size ?? expected.record(n)?.size ?? -1;
      lost.set(size, [...(lost.get(size) ?? []), n]);
    }
    if (lost.size === 0) return;
    for (const held of holdings) {
      const near: number[] = [];
      for (let by = -sizeTolerance; by <= sizeTolerance; by += 1) near.push(...(lost.get(held.size + by) ?? []));
      const left = near.filter(isLost);
      if (left.length === 0 || holdings.claims(held.number) > 0) continue;
      const there = await contents(held);
      for (const n of left) {
        if (!there || this.#equality(n, there) !== 'all') continue;
        this.#settle(n, 'moved', held.number);
      }
    }
  }
}

/** What is equal to the repaired form, which the destination was given in the place of the message. */
function equalityOf(repair: Repair, there: Contents): Compared['equal'] {
  if (there.sha256.toString('hex') === repair.after) return 'all';
  return there.body.toString('hex') === repair.body.slice(0, 2 * there.body.length) ? 'body' : 'nothing';
}
