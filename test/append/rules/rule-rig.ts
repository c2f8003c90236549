/** What the tests of rules share: a set of rules from plain data, and a message from lines. */
import { RuleSet, type Verdict } from '../../../src/append/rules/rule-set.ts';
import { targetKey } from '../../../src/append/target.ts';
import { loadPatterns } from '../../../src/ground/patterns.ts';
import type { RuleElement } from '../../../src/ground/settings-rules.ts';
import { arrivalDate } from '../../../src/message/arrival-date.ts';
import { headerFields } from '../../../src/message/header.ts';

/** The clock of these tests. */
export const now = Date.UTC(2026, 5, 1);

/** The limits and the switch of a set. */
export interface SetOptions {
  readonly placement?: 'sent' | 'inbox';
  readonly textMaxLength?: number;
  readonly mailboxesMax?: number;
}

/** A set of rules of a user me@example.com, whose source is pop.old.example. */
export async function setOf(list: readonly RuleElement[], options: SetOptions = {}): Promise<RuleSet> {
  await loadPatterns();
  const { placement = 'sent', textMaxLength = 8192, mailboxesMax = 100 } = options;
  const owner = { id: 'me', group: 'all', source: 'pop.old.example', addresses: new Set(['me@example.com']) };
  const rules = { default: list, groups: {}, accounts: {} };
  return RuleSet.of(owner, {
    rules,
    placement,
    rulesTextMaxLength: textMaxLength,
    rulesMailboxesMax: mailboxesMax,
  });
}

/** What a set says of a message with these lines as its header. */
export function decide(set: RuleSet, lines: readonly string[], size = 1000): Verdict {
  const fields = headerFields(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8'));
  return set.decide({ fields, size, date: arrivalDate(fields, now), now });
}

/** Where a message goes by one list; empty for the account's own mailbox. */
export async function whereTo(list: readonly RuleElement[], lines: readonly string[], size?: number): Promise<string> {
  return targetKey(decide(await setOf(list), lines, size).target);
}
