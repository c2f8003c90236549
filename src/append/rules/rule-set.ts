/** The rules of one account, read once a session: the first that holds for a message decides. */
import { type PresetName, type Rule, type Rules, rulesFor } from '../../ground/settings-rules.ts';
import { loadWordDecoder } from '../../message/encoded-words.ts';
import { mainTarget, type Target, targetKey } from '../target.ts';
import { conditionTest, type RuledMessage, type RuleScope, readsTexts, type Test } from './conditions.ts';
import { HeaderTexts, type TextReader } from './header-texts.ts';
import { presets } from './presets.ts';
import { type Mailbox, mailboxOf, type Reach } from './template.ts';

/** Whose rules are read. */
export interface RuleOwner extends RuleScope {
  readonly id: string;
  readonly group: string;
}

/** The settings that rules come from. */
export interface RuleSettings {
  readonly rules: Rules;
  /** With `inbox` everything goes to the account's own mailbox. */
  readonly placement: 'sent' | 'inbox';
  readonly rulesTextMaxLength: number;
  readonly rulesMailboxesMax: number;
}

/** What is done with a message. */
export interface Verdict {
  readonly target: Target;
  /** Flags and keywords beside those that its past gives it. */
  readonly flags: readonly string[];
  /** Whether it arrives as read; undefined where no rule says so. */
  readonly seen: boolean | undefined;
  /** Set where it is not carried. */
  readonly skip: { readonly rule: string; readonly reason: string } | undefined;
}

interface ReadRule {
  readonly holds: Test;
  readonly mailbox: Mailbox;
  readonly verdict: Verdict;
}

const nothingSaid: Verdict = { target: mainTarget, flags: [], seen: undefined, skip: undefined };

/** The rules of one account for one session. */
export class RuleSet {
  readonly #rules: readonly ReadRule[];
  readonly #reader: TextReader;
  readonly #moves: boolean;
  readonly #mailboxesMax: number;
  /** Mailboxes that templates have named. */
  readonly #made = new Set<string>();

  private constructor(rules: readonly ReadRule[], reader: TextReader, settings: RuleSettings) {
    this.#rules = rules;
    this.#reader = reader;
    this.#moves = settings.placement === 'sent';
    this.#mailboxesMax = settings.rulesMailboxesMax;
  }

  /** Reads the rules that hold for an account. Patterns among them need `loadPatterns` before. */
  static async of(owner: RuleOwner, settings: RuleSettings): Promise<RuleSet> {
    const named = rulesFor(settings.rules, owner).map((one, at) => namedRule(one, at));
    // Presets are ASCII: their fields need no decoding.
    const decodes = named.some(({ rule, preset }) => !preset && readsTexts(rule));
    const decode = decodes ? await loadWordDecoder() : (text: string) => text;
    const rules = named.map(({ name, rule }) => readRule(name, rule, owner));
    return new RuleSet(rules, { decode, maxLength: settings.rulesTextMaxLength }, settings);
  }

  /** What is done with a message. */
  decide(message: Omit<RuledMessage, 'texts'>): Verdict {
    const seen = { ...message, texts: new HeaderTexts(message.fields, this.#reader) };
    for (const { holds, mailbox, verdict } of this.#rules) {
      if (!holds(seen)) continue;
      const target = mailbox.targetOf(seen);
      if (target === undefined || (mailbox.varies && !this.#hasRoom(target))) continue;
      return { ...verdict, target: this.#moves ? target : mainTarget };
    }
    return nothingSaid;
  }

  /** All mailboxes that mail can go to, or could before `placement` was set to `inbox`. */
  reaches(): readonly Reach[] {
    return this.#rules.map(({ mailbox }) => mailbox.reach);
  }

  #hasRoom(target: Target): boolean {
    const key = targetKey(target);
    if (!this.#made.has(key) && this.#made.size >= this.#mailboxesMax) return false;
    this.#made.add(key);
    return true;
  }
}

function namedRule(one: PresetName | Rule, at: number): { name: string; rule: Rule; preset: boolean } {
  if (typeof one === 'string') return { name: one, rule: presets[one], preset: true };
  return { name: one.name ?? `number ${at + 1}`, rule: one, preset: false };
}

function readRule(name: string, rule: Rule, scope: RuleScope): ReadRule {
  const { to, skip, flags = [], keywords = [], seen } = rule;
  const reason = skip === undefined ? undefined : { rule: name, reason: skip };
  const verdict = { target: mainTarget, flags: [...new Set([...flags, ...keywords])], seen, skip: reason };
  return { holds: conditionTest(rule, scope), mailbox: mailboxOf(to, scope), verdict };
}
