/** What verifications have proved of the accounts of a report, and what they have not. Pure. */
import type { RunState } from '../ledger/run.ts';
import type { Standing } from './standing.ts';

/** What one verification of one account found. */
export interface VerificationRecord {
  /** ISO 8601, when the account was looked at. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Version of Mailhaul; empty where it is not known. */
  readonly by: string;
  /** What was compared: headers and sizes, the content of all, or also that of a random sample. */
  readonly depth: 'headers' | 'content' | 'sample' | 'unknown';
  readonly sample?: { readonly size: string; readonly seed: number; readonly compared: number; readonly of: number };
  readonly state: 'complete' | 'incomplete';
  /** Messages by their verdicts (docs/verify.md); undefined where only the counts of a report are known. */
  readonly verdicts?: Readonly<Record<string, number>>;
  readonly problems: readonly { readonly code: string; readonly count: number }[];
  /** Messages that the ledger had as delivered, over all runs, when it was looked at; undefined where nobody noted it. */
  readonly delivered?: number;
}

/** How far an account is proved: `stale` is proved, and more was listed or delivered since; `faulty` is looked at, and not whole. */
export type ProofState = 'proved' | 'stale' | 'faulty' | 'none';

/** The proof of one account. */
export interface Proof {
  readonly id: string;
  readonly state: ProofState;
  readonly record?: VerificationRecord;
}

/** All accounts together. */
export interface Verification {
  readonly verdict: 'proved' | 'partly' | 'faulty' | 'none';
  readonly accounts: number;
  readonly counts: Readonly<Record<ProofState, number>>;
  /** When the first and the last of the accounts were looked at, ISO 8601; empty where none was. */
  readonly from: string;
  readonly to: string;
  /** How those accounts were compared whose proof holds. */
  readonly depths: Readonly<Record<VerificationRecord['depth'], number>>;
  /** Sums of the verdicts that are known. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly proofs: readonly Proof[];
}

/** Holds a record against what the ledger says now. */
export function proofOf(standing: Standing, record: VerificationRecord | undefined): Proof {
  const { id } = standing.report;
  if (!record) return { id, state: 'none' };
  if (record.state !== 'complete') return { id, state: 'faulty', record };
  return { id, state: hasMoreSince(standing, record) ? 'stale' : 'proved', record };
}

/** True when something was delivered since an account was looked at, or was listed since and did not arrive. */
function hasMoreSince(standing: Standing, record: VerificationRecord): boolean {
  const { report, run, totals, refused, owed, listedBefore } = standing;
  const lookedAt = Date.parse(record.startedAt);
  const ranSince = run !== undefined && (run.finishedAt === 0 || run.finishedAt > lookedAt);
  // A record from elsewhere does not say what the ledger had then: any run since may have brought more.
  if (record.delivered === undefined) return ranSince;
  const { messages } = report;
  const before = listedBefore && listedBefore.finishedAt > lookedAt ? listedBefore.pending : 0;
  const open = messages.refused + messages.failed + messages.pending + refused + owed + before;
  return record.delivered !== deliveredIn(totals) || (ranSince && open > 0);
}

/** What an account has delivered over all runs: more than that, or less after a flush, is not what was verified. */
export function deliveredIn({ appended, duplicate }: Standing['totals']): number {
  return appended + duplicate;
}

/** Sums the proofs up. */
export function verificationOf(proofs: readonly Proof[]): Verification {
  const counts: Record<ProofState, number> = { proved: 0, stale: 0, faulty: 0, none: 0 };
  const depths: Record<VerificationRecord['depth'], number> = { headers: 0, content: 0, sample: 0, unknown: 0 };
  const verdicts: Record<string, number> = {};
  let [from, to] = ['', ''];
  for (const { state, record } of proofs) {
    counts[state] += 1;
    if (!record) continue;
    if (state === 'proved') depths[record.depth] += 1;
    if (from === '' || record.startedAt < from) from = record.startedAt;
    if (record.finishedAt > to) to = record.finishedAt;
    for (const [name, count] of Object.entries(record.verdicts ?? {})) verdicts[name] = (verdicts[name] ?? 0) + count;
  }
  const verdict = verdictOf(counts, proofs.length);
  return { verdict, accounts: proofs.length, counts, from, to, depths, verdicts, proofs };
}

function verdictOf({ proved, faulty, none }: Record<ProofState, number>, all: number): Verification['verdict'] {
  if (none === all) return 'none';
  if (faulty > 0) return 'faulty';
  return proved === all ? 'proved' : 'partly';
}

/** The document of `verify --json`, as far as a report reads it. */
export interface VerifyDocument {
  readonly run: {
    readonly startedAt: string;
    readonly finishedAt: string;
    readonly sample?: {
      readonly size: string;
      readonly seed: number;
      readonly accounts: Readonly<Record<string, { readonly compared: number; readonly of: number }>>;
    };
  };
  readonly accounts: readonly {
    readonly id: string;
    readonly state: RunState;
    readonly problems: readonly { readonly code: string; readonly count: number }[];
  }[];
}

/** The records that the document of a verification comes to, by the ids of the accounts; those not looked at are left out. */
export function recordsOf({ run, accounts }: VerifyDocument): Map<string, VerificationRecord> {
  const { startedAt, finishedAt, sample } = run;
  const records = new Map<string, VerificationRecord>();
  for (const { id, state, problems } of accounts) {
    if (state !== 'complete' && state !== 'incomplete') continue;
    const told = problems.map(({ code, count }) => ({ code, count }));
    const chosen = sample?.accounts[id];
    const depth = chosen ? ('sample' as const) : ('unknown' as const);
    const drawn = sample && chosen && { sample: { size: sample.size, seed: sample.seed, ...chosen } };
    records.set(id, { startedAt, finishedAt, by: '', depth, ...drawn, state, problems: told });
  }
  return records;
}
