/** Where a message goes, with which date and which flags (design §7). */
import { type Account, ownerOf } from '../accounts/account.ts';
import { headerFields } from '../message/header.ts';
import { type ArrivalRules, arrivalOf } from './arrival.ts';
import type { RuleOwner, RuleSet, Verdict } from './rules/rule-set.ts';
import type { Target } from './target.ts';

/** The place of one message at the destination. */
export interface Placement {
  readonly target: Target;
  readonly internalDate: string | undefined;
  /** Flags and keywords. */
  readonly flags: readonly string[];
  /** Set where a rule says that the message is not carried. */
  readonly skip?: Verdict['skip'];
}

/** What placement looks at besides the message. */
export interface PlacementRules extends ArrivalRules {
  readonly ruleSet: RuleSet;
}

/** The placement of a message by its header and its size in bytes. */
export function place(header: Buffer, size: number, rules: PlacementRules): Placement {
  const fields = headerFields(header);
  const { date, internalDate, flags } = arrivalOf(fields, rules);
  const verdict = rules.ruleSet.decide({ fields, size, date, now: rules.now });
  const { target, skip } = verdict;
  return { target, internalDate, flags: flagsWith(flags, verdict), skip };
}

/** What a rule says of a message counts for more than what its past does. */
function flagsWith(past: readonly string[], { flags, seen }: Verdict): readonly string[] {
  const all = new Set([...past, ...flags]);
  if (seen === true) all.add('\\Seen');
  if (seen === false) all.delete('\\Seen');
  return [...all];
}

/** Whose rules they are that hold for an account's mail. */
export function ruleOwnerOf({ id, group, source, destination }: Account): RuleOwner {
  return { id, group, source: source.host, addresses: ownAddresses(ownerOf(source), ownerOf(destination), id) };
}

/** The addresses of an account's user: those of its user names that are addresses. */
export function ownAddresses(...users: readonly string[]): ReadonlySet<string> {
  return new Set(users.filter((user) => user.includes('@')).map((user) => user.toLowerCase()));
}
