/** What a verified account comes to: counts that agree, problems that name messages, and a row for each message. */
import { type ErrorCode, MailhaulError, printable } from '../ground/errors.ts';
import { type Problem, problemOf } from '../ledger/problems.ts';
import type { Doubled } from './doubles.ts';
import type { Expected } from './expected.ts';
import type { Holdings } from './holdings.ts';
import type { Row } from './rows.ts';
import { type Verdict, verdicts } from './verdict.ts';

const namedAtMost = 5;

const codes: Partial<Record<Verdict, ErrorCode>> = {
  missing: 'verify-missing',
  altered: 'verify-altered',
  unproven: 'verify-unproven',
  doubled: 'verify-doubled',
  unrecorded: 'verify-unrecorded',
  pending: 'verify-pending',
  refused: 'verify-refused',
};

const owedReasons = {
  unreadable: 'the source did not hand it out',
  'spool-lost': 'it was in a spool that is lost',
  nothing: 'it was not fetched yet',
} as const;

/** How many messages have each verdict. */
export type VerdictCounts = Readonly<Record<Verdict, number>>;

/** What the findings are made of. */
export interface Evidence {
  readonly expected: Expected;
  readonly holdings: Holdings;
  readonly mailboxes: ReadonlyMap<number, string>;
  readonly doubled: readonly Doubled[];
  /** Why messages were refused, by their keys in hexadecimal. */
  readonly refusals: ReadonlyMap<string, string>;
}

/** The findings of one account. */
export class Findings {
  readonly #evidence: Evidence;
  readonly #copies: ReadonlyMap<number, Doubled>;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#copies = new Map(evidence.doubled.map((doubled) => [doubled.n, doubled]));
  }

  counts(): VerdictCounts {
    const { expected } = this.#evidence;
    const counts = Object.fromEntries(verdicts.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
    for (let n = 0; n < expected.size; n += 1) counts[expected.verdict(n)] += 1;
    return counts;
  }

  /** One problem for each kind of fault; the first few messages are named. */
  problems(): Problem[] {
    const { expected } = this.#evidence;
    const found = new Map<ErrorCode, { count: number; named: string[] }>();
    for (let n = 0; n < expected.size; n += 1) {
      const verdict = expected.verdict(n);
      const code = codes[verdict];
      if (!code) continue;
      const entry = found.get(code) ?? { count: 0, named: [] };
      // What is too many are the copies.
      entry.count += this.#copies.get(n)?.copies.length ?? 1;
      if (entry.named.length < namedAtMost) entry.named.push(this.#named(n));
      found.set(code, entry);
    }
    return [...found].map(([code, { count, named }]) => {
      const more = count > named.length ? [`and ${count - named.length} more`] : [];
      return problemOf(new MailhaulError(code, { count, named: [...named, ...more].join('; ') }), count);
    });
  }

  *rows(account: string): Generator<Row> {
    const { expected } = this.#evidence;
    for (let n = 0; n < expected.size; n += 1) {
      const { mailbox, uid } = this.#placeOf(n);
      yield {
        account,
        uidl: this.#uidl(n),
        messageId: expected.names.get(n).messageId,
        mailbox,
        uid,
        size: this.#size(n),
        verdict: expected.verdict(n),
        reason: this.#reason(n),
        sha256: this.#sha256(n),
      };
    }
  }

  /** A message in words, as far as it can be named: UIDL, Message-ID, mailbox, subject. */
  #named(n: number): string {
    const { expected } = this.#evidence;
    const { messageId, subject } = expected.names.get(n);
    const { mailbox, uid } = this.#placeOf(n);
    const uidl = this.#uidl(n);
    const parts = [
      uidl && `UIDL ${uidl}`,
      messageId && `Message-ID ${messageId}`,
      mailbox && `${mailbox}${uid > 0 ? ` UID ${uid}` : ''}`,
      subject && `“${subject}”`,
      ...(uidl || messageId || uid > 0 ? [] : [`ledger key ${expected.key(n).toString('hex')}`]),
    ].filter(Boolean);
    const reason = this.#reason(n);
    return `${parts.join(', ')}${reason ? ` (${reason})` : ''}`;
  }

  #uidl(n: number): string {
    const { expected } = this.#evidence;
    return expected.isListed(n) ? printable(expected.listing.uidl(n).toString('latin1'), 100) : '';
  }

  #size(n: number): number {
    const { expected } = this.#evidence;
    const listed = expected.isListed(n) ? Math.max(0, expected.listing.octets(n)) : 0;
    return expected.record(n)?.size ?? listed;
  }

  /** Of the source's bytes; what stands at the destination says nothing about them. */
  #sha256(n: number): string {
    const { expected } = this.#evidence;
    if (!expected.isDeep(n) && !expected.isCompared(n)) return '';
    const kept = expected.record(n)?.content.toString('hex') ?? '';
    return expected.contents(n)?.sha256.toString('hex') ?? kept.replace(/^0+$/, '');
  }

  /** Where it is; where the ledger has it if it is nowhere. */
  #placeOf(n: number): { mailbox: string; uid: number } {
    const { expected, holdings, mailboxes } = this.#evidence;
    const place = expected.place(n);
    if (place === -1) {
      const record = expected.record(n);
      return { mailbox: mailboxes.get(record?.mailbox ?? 0) ?? '', uid: record?.uid ?? 0 };
    }
    const held = holdings.get(place);
    return { mailbox: holdings.mailboxes[held.mailbox]!.path, uid: held.uid };
  }

  #reason(n: number): string {
    const { expected, holdings, mailboxes, refusals } = this.#evidence;
    const record = expected.record(n);
    const recorded = record && `${mailboxes.get(record.mailbox) ?? 'an unknown mailbox'} UID ${record.uid}`;
    switch (expected.verdict(n)) {
      case 'present':
        return '';
      case 'moved':
        return `delivered to ${recorded}`;
      case 'doubled': {
        const copies = this.#copies.get(n)?.copies ?? [];
        const places = copies.map(({ mailbox, uid }) => `${holdings.mailboxes[mailbox]!.path} UID ${uid}`);
        return `also at ${printable(places.join(', '))}`;
      }
      case 'altered':
        return 'its content is not that of the source';
      case 'unproven':
        return 'it is not byte for byte what was delivered, and the source does not show it any more';
      case 'missing':
        return expected.isListed(n) ? 'the source still has it' : 'the source does not list it any more';
      case 'unrecorded':
        return 'the ledger does not know it';
      case 'pending':
        if (expected.isSpooled(n)) return 'it waits in the spool';
        return owedReasons[expected.owed(n) ?? 'nothing'];
      case 'refused':
      case 'accepted':
        return printable(refusals.get(expected.key(n).toString('hex')) ?? '');
      case 'vanished':
        return 'it was deleted at the source before it was fetched';
    }
  }
}
