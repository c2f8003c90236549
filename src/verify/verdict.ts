/** What may be said of one message, and what decides it. Pure. */
import type { Outcome } from '../ledger/record.ts';

/** What became of a message. */
export type Verdict =
  /** At the UID that the ledger has. */
  | 'present'
  /** At the destination, at another place. */
  | 'moved'
  /** There, and at least once more than at the source. */
  | 'doubled'
  /** There, with another content than the source's. */
  | 'altered'
  /** Something is at its UID, and nothing is left to tell whether it is the message. */
  | 'unproven'
  /** Nowhere at the destination. */
  | 'missing'
  /** At the destination, and the ledger does not know it. */
  | 'unrecorded'
  /** Listed, and not delivered yet. */
  | 'pending'
  | 'refused'
  | 'accepted'
  | 'vanished';

/** All verdicts. */
export const verdicts: readonly Verdict[] = [
  'pending',
  'present',
  'moved',
  'doubled',
  'altered',
  'unproven',
  'missing',
  'unrecorded',
  'refused',
  'accepted',
  'vanished',
];

/**
 * How much RFC822.SIZE may differ from the bytes that were sent before content is looked at: the canonical form is
 * blind to a final line end, and to nothing else that a sane server changes.
 */
export const sizeTolerance = 2;

/** One message of the source or of the ledger. */
export interface Asked {
  /** What the ledger says; undefined when it does not know the message. */
  readonly outcome: Outcome | undefined;
  /** Bytes at the source. */
  readonly size: number;
  /** False when its header is not to be had: it is gone from the source, or not handed out. */
  readonly hasFingerprint: boolean;
  readonly hasMessageId: boolean;
  /** True when no other message of the source has its fingerprint. */
  readonly alone: boolean;
  /** True when it waits in a spool. */
  readonly spooled: boolean;
}

/** What the destination shows of it. */
export interface Shown {
  /** What is at the UID that the ledger has. */
  readonly recorded: { readonly size: number; readonly alike: boolean } | undefined;
  /** Sizes of the other messages with its fingerprint. */
  readonly elsewhere: readonly number[];
}

/** A verdict, or that content must decide. */
export type Judgement = 'compare' | 'present' | 'moved' | 'unrecorded' | 'missing' | Settled;
type Settled = 'pending' | 'refused' | 'accepted' | 'vanished';

/** Judges by UIDs, sizes and headers. */
export function judge(asked: Asked, { recorded, elsewhere }: Shown): Judgement {
  const { outcome, alone, hasMessageId } = asked;
  if (outcome === 'refused' || outcome === 'accepted' || outcome === 'vanished') return outcome;
  // Headers suffice where they name one message on either side.
  const unique = alone && hasMessageId && elsewhere.length === 1;
  if (outcome === undefined) {
    if (asked.spooled || elsewhere.length === 0) return 'pending';
    return unique ? 'unrecorded' : 'compare';
  }
  // What was appended has the size that was sent. The twin of a duplicate came another way and may have another.
  const fits = (size: number) => outcome === 'duplicate' || Math.abs(size - asked.size) <= sizeTolerance;
  if (recorded && (recorded.alike || !asked.hasFingerprint)) return fits(recorded.size) ? 'present' : 'compare';
  if (unique && fits(elsewhere[0]!)) return 'moved';
  return recorded || elsewhere.length > 0 ? 'compare' : 'missing';
}

/** A message of the destination after its content was read. */
export interface Compared {
  /** True for the one at the UID that the ledger has. */
  readonly recorded: boolean;
  /** True when it has the fingerprint of the message. */
  readonly alike: boolean;
  /** What is equal to the source; `unknown` where nothing is left to compare with. */
  readonly equal: 'all' | 'body' | 'nothing' | 'unknown';
  /** True when it is no other message's twin. */
  readonly free: boolean;
}

/** What content said: the verdict, and which of the candidates it is about. */
export interface Conclusion {
  readonly verdict: Verdict;
  /** Place in the list of candidates, or -1. */
  readonly choice: number;
}

/** The candidate that proves the message to be there, or undefined. */
export function proofAmong(known: boolean, candidates: readonly Compared[]): Conclusion | undefined {
  const whole = candidates.findIndex(({ equal }) => equal === 'all');
  const choice = whole !== -1 ? whole : candidates.findIndex(({ equal, alike }) => equal === 'body' && alike);
  if (choice === -1) return undefined;
  if (!known) return { verdict: 'unrecorded', choice };
  return { verdict: candidates[choice]!.recorded ? 'present' : 'moved', choice };
}

/** The candidate that stands for the message though its content is another, where the Message-ID decides. */
export function sameAmong(candidates: readonly Compared[]): Conclusion | undefined {
  const recorded = candidates.findIndex((candidate) => candidate.recorded && candidate.alike);
  if (recorded !== -1) return { verdict: 'present', choice: recorded };
  const choice = candidates.findIndex(({ alike }) => alike);
  return choice === -1 ? undefined : { verdict: 'moved', choice };
}

/**
 * What is to be said when none proves it; `known` says that the ledger has it as delivered. Without a Message-ID what
 * is like it elsewhere is more likely another message than this one altered.
 */
export function faultAmong(known: boolean, hasMessageId: boolean, candidates: readonly Compared[]): Conclusion {
  if (!known) return { verdict: 'pending', choice: -1 };
  const altered = candidates.findIndex(({ recorded, alike, equal, free }) =>
    alike ? equal === 'nothing' && free && (recorded || hasMessageId) : equal === 'body' && recorded,
  );
  if (altered !== -1) return { verdict: 'altered', choice: altered };
  const unproven = candidates.findIndex(({ equal, free }) => equal === 'unknown' && free);
  if (unproven !== -1) return { verdict: 'unproven', choice: unproven };
  return { verdict: 'missing', choice: -1 };
}

/** A group of messages at the destination with one fingerprint and one content. */
export interface SameContent {
  /** For how many messages of the source they are the twins. */
  readonly claims: number;
  /** Whether each is a message of its own, and no view of another mailbox; and whether it is a twin. */
  readonly messages: readonly { readonly own: boolean; readonly claimed: boolean }[];
}

/** Places in the group of those that are there once too often: more messages than the source has. */
export function surplus({ claims, messages }: SameContent): number[] {
  const extra = messages.filter(({ own }) => own).length - claims;
  if (claims === 0 || extra <= 0) return [];
  const unclaimed = messages.flatMap(({ own, claimed }, place) => (own && !claimed ? [place] : []));
  return unclaimed.slice(-extra);
}
