/** Which names a mailbox may have at a server that does not take every name (docs/mailbox-names.md). Pure. */
import { hexDigest } from '../ground/digest.ts';
import { encodeModifiedUtf7 } from './mailbox-name.ts';
import { joinLevels, levelsOf, type Namespace, type Notation } from './mailbox-path.ts';

/** What a mailbox may be called. */
export interface NameCandidates {
  /** What was asked for, if the server took every name: a mailbox that is called otherwise was renamed. */
  readonly meant: string;
  /** Names that can stand in a command, best first; none where the name has no level at all. */
  readonly names: readonly string[];
}

// RFC 2683 §3.2.1.5: a client's lines should have at most 1000 octets
const writtenMaxBytes = 900;
// File systems take 255 bytes a name, of which Maildir++ makes one of all levels; Gmail takes 225 characters
const safeMaxBytes = 200;
const flatMaxBytes = 60;
const asciiMaxBytes = 40;
/** Fewer bytes than these say nothing to a reader. */
const leastBytes = 8;

/** The names for a mailbox. The same for the same name, namespace and notation, whatever exists already. */
export function nameCandidates(name: string, namespace: Namespace, notation: Notation): NameCandidates {
  const { delimiter } = namespace;
  const levels = levelsOf(name, namespace, notation).map((level) => wellFormed(level).normalize('NFC'));
  if (levels.length === 0) return { meant: name, names: [] };
  const meant = joinLevels(levels, { ...namespace, delimiter: delimiter ?? '/' });
  // What stands for a character that cannot stand in a level must not separate levels itself
  const stand = delimiter === '_' ? '-' : '_';
  const written = levels.map((level) => sendable(level, delimiter, stand));
  const clean = levels.map((level) => sendable(trimmed(level), delimiter, stand));
  // Dovecot refuses a dot where Maildir++ separates levels by it, whatever delimiter it shows
  const undotted = clean.map((level) => level.replace(/[.\\^]/g, stand));
  const asWritten = [written, clean, undotted]
    .map((each) => joinLevels(each, namespace))
    .filter((path) => encodedBytes(path) <= writtenMaxBytes);
  const names = [...asWritten, ...afterRefusal(levels, namespace, stand)];
  return { meant, names: [...new Set(names)] };
}

/**
 * Names for one that the server refused, for whatever reason: with characters that no server minds and a new ending, with
 * fewer levels, with one, in ASCII. Each ends in a digest of what was asked for, so that no two names share a mailbox.
 */
function afterRefusal(levels: readonly string[], namespace: Namespace, stand: string): string[] {
  const { delimiter } = namespace;
  const end = stand + hexDigest(4, levels.map(trimmed).join('/'));
  const safe = levels.map((level) => replaceUnsafe(sendable(trimmed(level), delimiter, stand), stand));
  const forms = [
    { above: safe.slice(0, -1), last: safe.at(-1)!, maxBytes: safeMaxBytes },
    { above: safe.slice(0, 1), last: safe.slice(1).join(stand), maxBytes: safeMaxBytes },
    { above: [], last: safe.join(stand), maxBytes: flatMaxBytes },
    { above: [], last: asciiOf(safe.join(stand), stand), maxBytes: asciiMaxBytes },
  ];
  return forms.flatMap(({ above, last, maxBytes }) => {
    if (last === '') return [];
    const around = encodedBytes(joinLevels([...above, end], namespace));
    const left = maxBytes - around;
    return left < leastBytes ? [] : [joinLevels([...above, shortened(last, left) + end], namespace)];
  });
}

/** A level that can stand in a command: no control characters (RFC 9051 §5.1), no delimiter, something at all. */
function sendable(level: string, delimiter: string | undefined, stand: string): string {
  const printable = level
    .replace(/\s+/g, (blank) => (/[^ \u00a0\u3000]/.test(blank) ? ' ' : blank))
    .replace(/\p{Cc}/gu, stand)
    .replaceAll(delimiter ?? '/', stand);
  return printable === '' ? stand : printable;
}

/** Without white space at its ends, and with one blank for several in a row, which Gmail refuses. */
function trimmed(level: string): string {
  return level.replace(/\s+/g, ' ').trim();
}

/** Letters, digits and the little punctuation that no server is known to mind; nothing odd at either end. */
function replaceUnsafe(level: string, stand: string): string {
  return level.replace(/[^\p{L}\p{M}\p{N} _\-+,()=@']/gu, stand).replace(/^[\s\-+=@]|\s$/gu, stand);
}

function asciiOf(text: string, stand: string): string {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9]+/g, stand);
  return /[A-Za-z0-9]/.test(plain) ? plain : 'mail';
}

/** As many characters from the beginning as `maxBytes` of a command hold. */
function shortened(text: string, maxBytes: number): string {
  if (encodedBytes(text) <= maxBytes) return text;
  const characters = [...text].slice(0, maxBytes);
  while (encodedBytes(characters.join('')) > maxBytes) characters.pop();
  return characters.join('').trimEnd();
}

function encodedBytes(text: string): number {
  return encodeModifiedUtf7(text).length;
}

/** Half of a surrogate pair is no character, and no encoding brings it back. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
