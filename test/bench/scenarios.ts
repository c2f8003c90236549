/** What is measured: which mail goes where, over which line, and what it may cost (design §10). */
import type { CorpusName } from './corpora.ts';
import type { PeerName } from './peers.ts';

/** One comparison. */
export interface Scenario {
  readonly title: string;
  readonly corpus: CorpusName;
  readonly storage: 'maildir' | 'mdbox';
  /** Each way; 0: the programs talk to the servers themselves. */
  readonly oneWayMs: number;
  /** The mail of the plain loop, where its figure is scaled from fewer messages. */
  readonly loopCorpus?: CorpusName;
  /** Who runs besides, once, where it is installed; on the loop's mail, too. */
  readonly peers?: readonly PeerName[];
  /** How often the loop runs in a full benchmark; it is slow. */
  readonly loopRuns: number;
  readonly budget: Budget;
  /** With the bare program that keeps what it fetches on disk, in each pair. */
  readonly durable?: true;
  /** With a run besides that shows where the processor time goes. */
  readonly profiled?: true;
}

/** Limits of design §10; what is not there has none. */
export interface Budget {
  /** Mailhaul's time divided by the ceiling's, at most. */
  readonly toCeiling?: number;
  /** The loop's time divided by Mailhaul's, at least. */
  readonly loopToMailhaul?: number;
  /** pop2imap's time divided by Mailhaul's, at least. */
  readonly pop2imapToMailhaul?: number;
  /** Peak resident memory of Mailhaul's process in MiB, at most. */
  readonly residentMiB?: number;
  /** Bytes in Redis for each message, at most. */
  readonly ledgerBytes?: number;
  readonly indexBytes?: number;
}

const redis = { ledgerBytes: 48, indexBytes: 24 };

/** All scenarios, by the name that `--scenario` takes. */
export const scenarios = {
  'big-maildir': {
    title: 'one large maildrop to Maildir',
    corpus: 'big',
    storage: 'maildir',
    oneWayMs: 0,
    loopRuns: 2,
    durable: true,
    profiled: true,
    peers: ['mpop', 'getmail', 'fetchmail', 'dsync', 'dsync-imapc', 'pop2imap'],
    budget: { toCeiling: 1.25, loopToMailhaul: 3, pop2imapToMailhaul: 3.5, ...redis },
  },
  'big-mdbox': {
    title: 'the same to mdbox',
    corpus: 'big',
    storage: 'mdbox',
    oneWayMs: 0,
    loopRuns: 1,
    budget: { toCeiling: 2, ...redis },
  },
  'big-maildir-40ms': {
    title: 'the same to Maildir, 40 ms round trip',
    corpus: 'big',
    storage: 'maildir',
    oneWayMs: 20,
    loopCorpus: 'd40',
    loopRuns: 1,
    peers: ['dsync-imapc', 'pop2imap'],
    budget: { toCeiling: 1.25, loopToMailhaul: 30, pop2imapToMailhaul: 50 },
  },
  'd40-maildir-40ms': {
    title: 'a small maildrop to Maildir, 40 ms round trip, program start included',
    corpus: 'd40',
    storage: 'maildir',
    oneWayMs: 20,
    loopRuns: 1,
    budget: { toCeiling: 3 },
  },
  'small-maildir': {
    title: 'small messages to Maildir',
    corpus: 'small',
    storage: 'maildir',
    oneWayMs: 0,
    loopRuns: 1,
    budget: redis,
  },
  'users-maildir': {
    title: 'twenty accounts at once to Maildir',
    corpus: 'users',
    storage: 'maildir',
    oneWayMs: 0,
    loopRuns: 1,
    budget: { residentMiB: 250, ...redis },
  },
} as const satisfies Record<string, Scenario>;

/** The name of a scenario. */
export type ScenarioName = keyof typeof scenarios;
