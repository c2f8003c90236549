/** Names of mailboxes made from messages: each place is filled with a value that does no harm in a name. */
import { type Placeholder, readTemplate, type SpecialUse, type TemplatePart } from '../../ground/settings-templates.ts';
import { listIdOf } from '../../message/list-id.ts';
import { fromDomain } from '../../message/own-mail.ts';
import { mainTarget, type Target } from '../target.ts';
import { type RuledMessage, type RuleScope, yearOf } from './conditions.ts';

/** Characters of one value in a name: several make a level, and servers refuse names of more than 255 bytes. */
const valueMaxLength = 60;

/** Where a rule sends mail. */
export interface Mailbox {
  /** True where messages decide about the name. */
  readonly varies: boolean;
  /** The place of one message; undefined where the message has no value for it. */
  targetOf(message: RuledMessage): Target | undefined;
  /** Everything that it can be. */
  readonly reach: Reach;
}

/** The mailboxes that a rule can fill: one, or all whose levels (below a special one, where `use` names it) pass. */
export type Reach =
  | { readonly kind: 'one'; readonly target: Target }
  | {
      readonly kind: 'many';
      readonly use: SpecialUse | undefined;
      readonly levels: readonly ((name: string) => boolean)[];
    };

/** Reads the `to` of a rule; the account's own mailbox where there is none. */
export function mailboxOf(to: string | undefined, scope: RuleScope): Mailbox {
  if (to === undefined) return fixed(mainTarget);
  const { use, levels } = readTemplate(to);
  const targetOf = (names: readonly string[]): Target => {
    const name = names.join('/');
    if (use === undefined) return { kind: 'named', name };
    return names.length === 0 ? { kind: 'special', use } : { kind: 'special', use, below: name };
  };
  const varies = levels.flat().some((part) => 'value' in part);
  if (!varies) return fixed(targetOf(levels.map((level) => level.map(textOf).join(''))));
  return {
    varies,
    targetOf: (message) => {
      const names = levels.map((level) => filled(level, message, scope));
      return names.every((name) => name !== undefined) ? targetOf(names) : undefined;
    },
    reach: { kind: 'many', use, levels: levels.map(levelTest) },
  };
}

function fixed(target: Target): Mailbox {
  return { varies: false, targetOf: () => target, reach: { kind: 'one', target } };
}

/** The text of a piece that is text. */
function textOf(part: TemplatePart): string {
  return 'text' in part ? part.text : '';
}

function filled(level: readonly TemplatePart[], message: RuledMessage, scope: RuleScope): string | undefined {
  let name = '';
  for (const part of level) {
    const value = 'text' in part ? part.text : harmless(valueIn(part.value, message, scope));
    if (value === '') return undefined;
    name += value;
  }
  return name;
}

function valueIn(name: Placeholder, { date, fields }: RuledMessage, { source }: RuleScope): string {
  switch (name) {
    case 'year':
      return date ? String(yearOf(date)).padStart(4, '0') : '';
    case 'month':
      return date ? String(new Date(date.time + date.zone * 60_000).getUTCMonth() + 1).padStart(2, '0') : '';
    case 'list-id':
      return listIdOf(fields) ?? '';
    case 'from-domain':
      return fromDomain(fields) ?? '';
    case 'source':
      return source;
  }
}

/**
 * A value as a part of a name: whoever writes a message shall not choose levels, wildcards (RFC 3501 §6.3.8), names of
 * the server (`#`, `~`), nor anything that cannot be read. Empty where nothing is left.
 */
function harmless(value: string): string {
  const plain = value
    .slice(0, 1000)
    .replace(/[^\p{L}\p{N}\p{M}._@+=-]+/gu, '_')
    .replace(/\.{2,}/g, '.')
    .replace(/^[._-]+|[._-]+$/g, '');
  return [...plain]
    .slice(0, valueMaxLength)
    .join('')
    .replace(/[._-]+$/, '');
}

/**
 * Whether a level can have a name. Servers that have dots for levels get other characters for those in values, so these
 * are not looked at; nor is it worth a pattern, which hostile names could make slow.
 */
function levelTest(level: readonly TemplatePart[]): (name: string) => boolean {
  const shown = level.map((part) => ('text' in part ? part.text.toLowerCase() : digits[part.value]));
  const first = shown.findIndex((part) => typeof part !== 'string');
  const last = shown.findLastIndex((part) => typeof part !== 'string');
  const begin = shown.slice(0, first === -1 ? shown.length : first).join('');
  const end = last === -1 ? '' : shown.slice(last + 1).join('');
  const places = shown.slice(first, last + 1);
  const width = places.length === 1 && first !== -1 ? places[0] : undefined;
  return (name) => {
    const low = name.toLowerCase();
    if (first === -1) return low === begin;
    const middle = low.slice(begin.length, low.length - end.length);
    if (!low.startsWith(begin) || !low.endsWith(end) || middle === '') return false;
    return typeof width === 'number' ? middle.length === width && /^\d+$/.test(middle) : true;
  };
}

/** Values that are so many digits; the others are of any length. */
const digits: Readonly<Record<Placeholder, number | undefined>> = {
  year: 4,
  month: 2,
  'list-id': undefined,
  'from-domain': undefined,
  source: undefined,
};
