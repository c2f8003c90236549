/** What a server or a mail program wrote into the header of a message about what was done with it. */
import type { HeaderFields } from './header.ts';

/** The flags that a header names. */
export interface StatusFlags {
  /** Undefined where nothing in the header says it. */
  readonly seen: boolean | undefined;
  /** System flags and keywords besides `\Seen`; never `\Deleted`, for nothing is to be lost, nor `\Recent`. */
  readonly flags: readonly string[];
}

/** Letters of Status and X-Status (c-client's mailbox drivers, mutt): D, deleted, is read over. */
const letters: readonly (readonly [string, string])[] = [
  ['A', '\\Answered'],
  ['F', '\\Flagged'],
  ['T', '\\Draft'],
];

/** Bits of X-Mozilla-Status (nsMsgMessageFlags): 0x8, expunged, is read over. */
const bits: readonly (readonly [number, string])[] = [
  [0x2, '\\Answered'],
  [0x4, '\\Flagged'],
  [0x1000, '$Forwarded'],
];
const MOZILLA_READ = 0x1;

/** More keywords than any program gives a message, and longer ones, are no keywords. */
const KEYWORDS_MAX = 30;
const KEYWORD_MAX_CHARACTERS = 64;

// RFC 3501 §9: flag-keyword = atom; what begins with a backslash is a system flag, and those come from elsewhere
const keywordSyntax = /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/;

/**
 * The flags of a header: Status (R read, O old, N and U new), X-Status (A, F, T), X-Mozilla-Status (hexadecimal), X-Keywords
 * and X-Mozilla-Keys. A field that says nothing, such as the empty Status that fetchmail writes, counts as missing.
 */
export function statusFlags(fields: HeaderFields): StatusFlags {
  const values = (name: string) => (fields.get(name) ?? []).map((value) => value.trim());
  const status = [...values('status'), ...values('x-status')].filter((value) => /^[A-Z]{1,10}$/.test(value));
  const mozilla = values('x-mozilla-status')
    .filter((value) => /^[0-9a-f]{4}$/i.test(value))
    .map((value) => Number.parseInt(value, 16));
  const flags = [
    ...letters.filter(([letter]) => status.some((value) => value.includes(letter))),
    ...bits.filter(([bit]) => mozilla.some((value) => (value & bit) !== 0)),
  ].map(([, flag]) => flag);
  const seen = status.some((value) => value.includes('R')) || mozilla.some((value) => (value & MOZILLA_READ) !== 0);
  const keywords = [...values('x-keywords'), ...values('x-mozilla-keys')].flatMap(keywordsIn);
  return {
    seen: status.length + mozilla.length === 0 ? undefined : seen,
    flags: withoutTwins([...flags, ...keywords.slice(0, KEYWORDS_MAX)]),
  };
}

function keywordsIn(value: string): string[] {
  // They are padded with hundreds of blanks, to be changed in place
  const words = value.split(/\s+/, KEYWORDS_MAX);
  return words.filter((word) => word.length <= KEYWORD_MAX_CHARACTERS && keywordSyntax.test(word));
}

/** Each flag once, as it is written first: flags are the same whatever their case (RFC 3501 §2.3.2). */
export function withoutTwins(flags: readonly string[]): string[] {
  const first = new Map<string, string>();
  for (const flag of flags) if (!first.has(flag.toLowerCase())) first.set(flag.toLowerCase(), flag);
  return [...first.values()];
}
