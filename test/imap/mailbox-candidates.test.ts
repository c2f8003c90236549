/** The rule that maps mailbox names (docs/mailbox-names.md), by itself. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameCandidates } from '../../src/imap/mailbox-candidates.ts';
import { decodeModifiedUtf7, encodeModifiedUtf7 } from '../../src/imap/mailbox-name.ts';
import { joinLevels, type Namespace, type Notation } from '../../src/imap/mailbox-path.ts';
import { fuzz } from '../fuzz.ts';

const slash: Namespace = { prefix: '', delimiter: '/' };
const dot: Namespace = { prefix: 'INBOX.', delimiter: '.' };
const flat: Namespace = { prefix: '', delimiter: undefined };

const names = (name: string, namespace = slash, notation: Notation = 'levels') =>
  nameCandidates(name, namespace, notation).names;

describe('the names for a mailbox', () => {
  test.each<[string, string, Namespace, string[]]>([
    ['an ordinary one', 'Files', slash, ['Files', 'Files_e5a3e34d']],
    ['one with the prefix', 'Archive/2004', dot, ['INBOX.Archive.2004', 'INBOX.Archive.2004_', 'INBOX.Archive_2004_']],
    ['a delimiter inside a level', 'Lists/a.b', dot, ['INBOX.Lists.a_b', 'INBOX.Lists.a_b_', 'INBOX.Lists_a_b_']],
    ['a dot', 'Lists/a.b', slash, ['Lists/a.b', 'Lists/a_b', 'Lists/a_b_', 'Lists_a_b_']],
    ['no delimiter', 'Archive/2004', flat, ['Archive_2004', 'Archive_2004_']],
    ['white space', ' a \t b  c ', slash, [' a b  c ', 'a b c', 'a b c_', 'a_b_c_']],
    ['a folded header', 'a\r\n b', slash, ['a b', 'a b_', 'a_b_']],
    ['control characters', 'a\0\x07b\x7f', slash, ['a__b_', 'a__b__', 'a_b__']],
    ['wildcards', '50%*', slash, ['50%*', '50___', '50__']],
    [
      'a first character of servers',
      '#news/~joe/.x',
      slash,
      ['#news/~joe/.x', '#news/~joe/_x', '_news/_joe/_x_', '_news/_joe__x_'],
    ],
    ['many levels', 'a/b/c/d', slash, ['a/b/c/d', 'a/b/c/d_', 'a/b_c_d_', 'a_b_c_d_']],
    ['one below INBOX', 'INBOX/Old', slash, ['INBOX/Old', 'INBOX/Old_', 'INBOX_Old_']],
    ['another alphabet', 'Привет', slash, ['Привет', 'Привет_', 'mail_']],
    ['letters with marks', 'Entwu\u0308rfe', slash, ['Entw\u00fcrfe', 'Entw\u00fcrfe_', 'Entwurfe_']],
    ['half a character', 'a\ud800', slash, ['a\ufffd', 'a__']],
    ['a level of nothing', 'a/ /b', flat, ['a_ _b', 'a___b', 'a___b_']],
  ])('of %s', (_, name, namespace, expected) => {
    const found = names(name, namespace);
    const withoutDigest = found.map((path) => path.replace(/_[0-9a-f]{8}$/, '_'));
    expect(withoutDigest.slice(0, expected.length)).toEqual(expected.map((path) => path.replace(/_e5a3e34d$/, '_')));
    if (name === 'Files') expect(found).toEqual(expected);
  });

  test('are short at the end, however long the name is', () => {
    const found = names(`${'long '.repeat(100)}/${'日本語'.repeat(100)}`);
    const bytes = found.map((path) => encodeModifiedUtf7(path).length);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(200);
    expect(Math.min(...bytes)).toBeLessThanOrEqual(60);
    expect(names('x'.repeat(1000))[0]).toMatch(/^x{150,}_[0-9a-f]{8}$/);
  });

  test.each(['a/', ' ', '\t ', '.', '&', '\0'])('are found for a header full of %j', (part) => {
    const found = names(part.repeat(200_000), dot);
    for (const path of found) expect(path.length).toBeLessThanOrEqual(900);
  });

  test('keep apart what differs, once the server has refused it', () => {
    const same = ['a.b', 'a_b', 'a*b', 'a%b', '#a.b'].map((name) => names(name, dot).slice(1));
    expect(new Set(same.flat()).size).toBe(same.flat().length);
  });

  test('say what was meant, to tell a new name by', () => {
    expect(nameCandidates('Lists/a.b', dot, 'levels').meant).toBe('INBOX.Lists.a.b');
    expect(nameCandidates('a/b', flat, 'levels').meant).toBe('a/b');
  });
});

const delimiter = fc.constantFrom('/', '.', '\\', '^', '_', '|', '-', undefined);
const namespace = fc
  .tuple(delimiter, fc.constantFrom('', 'INBOX', 'mail', 'Üser'))
  .map(([separator, root]): Namespace => {
    const prefix = root === '' || separator === undefined ? '' : root + separator;
    return { prefix, delimiter: separator };
  });
const piece = fc.oneof(
  fc.constantFrom('/', '.', 'INBOX', 'inbox', '  ', '\t', '\r\n', '\0', '&', '&-', '%', '*', '"', '\\', '~', '#', 'é'),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom('\ud800', '\udc00', '\u200e', '\u2028', '😀', 'e\u0301'),
);
const anyName = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
const notation = fc.constantFrom<Notation>('either', 'levels');
const anyCase = fc.record({ name: anyName, namespace, notation });

describe('whatever the name, the delimiter and the prefix', () => {
  fuzz('names are few, short and can stand in a command', anyCase, ({ name, namespace, notation }) => {
    const found = nameCandidates(name, namespace, notation).names;
    expect(found.length).toBeLessThanOrEqual(7);
    expect(new Set(found).size).toBe(found.length);
    for (const path of found) {
      const encoded = encodeModifiedUtf7(path);
      // RFC 3501 §5.1.3, §9: printable ASCII, and no line that a server would cut
      expect(encoded).toMatch(/^[\x20-\x7e]+$/);
      expect(encoded.length).toBeLessThanOrEqual(900);
      expect(decodeModifiedUtf7(encoded)).toBe(path);
      expect(path).not.toMatch(/\p{Cc}|\p{Surrogate}|[\u2028\u2029]/u);
      const levels = path.slice(namespace.prefix.length).split(namespace.delimiter ?? '\0');
      if (path !== 'INBOX') expect(levels).not.toContain('');
    }
  });

  fuzz('they are the same again, and each leads to itself', anyCase, ({ name, namespace, notation }) => {
    const first = nameCandidates(name, namespace, notation);
    expect(nameCandidates(name, { ...namespace }, notation)).toEqual(first);
    for (const path of first.names) expect(nameCandidates(path, namespace, 'either').names[0]).toBe(path);
  });

  const twoNames = fc.record({ a: anyName, b: anyName, namespace });
  fuzz('two names share none after a refusal', twoNames, ({ a, b, namespace }) => {
    const [one, other] = [a, b].map((name) => nameCandidates(name, namespace, 'levels'));
    const endings = ({ names }: { names: readonly string[] }) => names.filter((path) => /[0-9a-f]{8}$/.test(path));
    // Blanks at the ends of levels tell no names apart, whatever the delimiter.
    const blank = (text: string) =>
      [namespace.delimiter ?? '/', '/'].reduce(
        (whole, between) =>
          whole
            .split(between)
            .map((level) => level.replace(/\s+/g, ' ').trim())
            .join(between),
        text,
      );
    if (blank(one!.meant) === blank(other!.meant)) return;
    const shared = endings(one!).filter((path) => endings(other!).includes(path));
    expect(shared).toEqual([]);
  });

  fuzz('modified UTF-7 brings any name back', fc.string({ unit: 'binary' }), (name) => {
    const encoded = encodeModifiedUtf7(name);
    expect(encoded).toMatch(/^[\x20-\x7e]*$/);
    expect(decodeModifiedUtf7(encoded)).toBe(name);
    expect(() => decodeModifiedUtf7(name)).not.toThrow();
  });

  test('levels are joined as they are taken apart', () => {
    expect(joinLevels(['INBOX', 'a'], slash)).toBe('INBOX/a');
    expect(joinLevels(['inbox'], dot)).toBe('INBOX');
  });
});
