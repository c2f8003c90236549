/** Where a rule sends mail, as it is written: `Lists/{list-id}`, `\Junk`, `\Archive/{year}`. */
import { nearest } from './nearest.ts';

/** The uses of RFC 6154 §2 that mail may be sent to; `\All` and `\Flagged` only show again what other mailboxes hold. */
export const specialUses = ['\\Sent', '\\Junk', '\\Archive', '\\Trash', '\\Drafts'] as const;

/** One of them. */
export type SpecialUse = (typeof specialUses)[number];

/** What a template takes from a message or from its account. */
export const placeholders = ['year', 'month', 'list-id', 'from-domain', 'source'] as const;

/** One of them, without its braces. */
export type Placeholder = (typeof placeholders)[number];

/** A piece of a name: text, or what takes its place. */
export type TemplatePart = { readonly text: string } | { readonly value: Placeholder };

/** The name of a mailbox with places to fill. */
export interface Template {
  /** The mailbox below which the levels are; undefined for none. */
  readonly use: SpecialUse | undefined;
  /** Each level is the pieces of its name; none at all where `use` itself is meant. */
  readonly levels: readonly (readonly TemplatePart[])[];
}

/** Longest name, in characters, and most levels. */
const nameMaxLength = 250;
const levelsMax = 10;

/** Reads a name. Throws an Error that says what is wrong with it. */
export function readTemplate(name: string): Template {
  if (name.length > nameMaxLength) throw new Error(`expected a name of at most ${nameMaxLength} characters`);
  if (/[\p{Cc}\u2028\u2029]/u.test(name)) throw new Error('expected a name without control characters');
  const [first = '', ...others] = name.split('/');
  const use = first.startsWith('\\') ? readUse(first) : undefined;
  const written = use === undefined ? [first, ...others] : others;
  if (written.length > levelsMax) throw new Error(`expected at most ${levelsMax} levels`);
  if (written.some((level) => level.trim() === '')) {
    throw new Error('expected a mailbox such as "Lists/{list-id}", with a name between any two "/"');
  }
  return { use, levels: written.map(readLevel) };
}

function readUse(text: string): SpecialUse {
  const use = specialUses.find((known) => known.toLowerCase() === text.toLowerCase());
  if (use === undefined) throw new Error(`expected one of ${specialUses.join(', ')}, or a name without a backslash`);
  return use;
}

function readLevel(level: string): TemplatePart[] {
  return level
    .split(/(\{[^{}]*\})/)
    .filter((piece) => piece !== '')
    .map((piece) => {
      const name = /^\{(.*)\}$/.exec(piece)?.[1];
      if (name === undefined) {
        if (/[{}]/.test(piece)) throw new Error('expected every "{" to have its "}"');
        return { text: piece };
      }
      const value = placeholders.find((known) => known === name);
      if (value !== undefined) return { value };
      const all = placeholders.map((known) => `{${known}}`).join(', ');
      const meant = nearest(name, placeholders);
      throw new Error(`there is no {${name}}; ${meant ? `did you mean {${meant}}?` : `there are ${all}`}`);
    });
}
