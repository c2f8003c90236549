import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendFeatures } from '../../src/imap/features.ts';
import { decodeModifiedUtf7, encodeModifiedUtf7, quoteMailbox } from '../../src/imap/mailbox-name.ts';
import { joinLevels, levelsOf, type Namespace, type Notation } from '../../src/imap/mailbox-path.ts';

describe('modified UTF-7', () => {
  // The first is the example of RFC 3501 §5.1.3
  test.each([
    ['~peter/mail/台北/日本語', '~peter/mail/&U,BTFw-/&ZeVnLIqe-'],
    ['Entwürfe', 'Entw&APw-rfe'],
    ['Q&A', 'Q&-A'],
    ['&&', '&-&-'],
    ['a\tb', 'a&AAk-b'],
    ['☺!', '&Jjo-!'],
    ['😀', '&2D3eAA-'],
    ['Gel\u00f6schte Elemente', 'Gel&APY-schte Elemente'],
  ])('%j is %j', (name, encoded) => {
    expect(encodeModifiedUtf7(name)).toBe(encoded);
    expect(decodeModifiedUtf7(encoded)).toBe(name);
  });

  test('comes back unchanged and is printable ASCII, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const encoded = encodeModifiedUtf7(name);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeModifiedUtf7(encoded)).toBe(name);
      }),
    );
  });
});

describe('quoteMailbox', () => {
  test('quotes and escapes', () => {
    expect(quoteMailbox('a "b" \\c', false).toString()).toBe('"a \\"b\\" \\\\c"');
    expect(quoteMailbox('inbox', false).toString()).toBe('"INBOX"');
    expect(quoteMailbox('Entwürfe', true).toString()).toBe('"Entwürfe"');
    expect(quoteMailbox('Entwürfe', false).toString()).toBe('"Entw&APw-rfe"');
  });

  test.each(['a\r\nb', 'a\nb', 'a\0b', ''])('refuses %j', (name) => {
    expect(() => quoteMailbox(name, false)).toThrow();
  });
});

describe('the levels of a name', () => {
  const slash = { prefix: '', delimiter: '/' };
  const dot = { prefix: 'INBOX.', delimiter: '.' };
  const bare = { prefix: '', delimiter: '.' };
  const fullPath = (name: string, namespace: Namespace, notation: Notation) =>
    joinLevels(levelsOf(name, namespace, notation), namespace);

  test.each([
    ['Sent', slash, 'Sent'],
    ['a/b', slash, 'a/b'],
    ['/a//b/', slash, 'a/b'],
    ['iNbOx', slash, 'INBOX'],
    ['inbox/a', slash, 'INBOX/a'],
    ['inbox', dot, 'INBOX'],
    ['Sent', dot, 'INBOX.Sent'],
    ['a/b', dot, 'INBOX.a.b'],
    ['INBOX/a', dot, 'INBOX.a'],
    ['inbox.a', dot, 'INBOX.a'],
    ['INBOX.a', dot, 'INBOX.a'],
    ['INBOX.a.b', dot, 'INBOX.a.b'],
    ['INBOX/INBOX/a', dot, 'INBOX.INBOX.a'],
    ['inbox.a', bare, 'INBOX.a'],
    ['mail/a', { prefix: 'mail/', delimiter: '/' }, 'mail/a'],
    ['a/b', { prefix: '', delimiter: undefined }, 'a_b'],
  ])('%j in %j is %j, however its levels are separated', (path, namespace, full) => {
    expect(fullPath(path, namespace, 'either')).toBe(full);
    expect(fullPath(path, namespace, 'levels')).toBe(full);
  });

  test("are separated by the server's delimiter only where a person may have written it", () => {
    expect(levelsOf('Lists/a.b', dot, 'either')).toEqual(['Lists', 'a', 'b']);
    expect(levelsOf('Lists/a.b', dot, 'levels')).toEqual(['Lists', 'a.b']);
    expect(levelsOf('INBOX.Lists.a', dot, 'levels')).toEqual(['Lists', 'a']);
    expect(levelsOf('INBOX/Lists/a.b', dot, 'levels')).toEqual(['Lists', 'a.b']);
    expect(levelsOf('//', dot, 'either')).toEqual([]);
  });
});

describe('appendFeatures', () => {
  test('reads what a server offers', () => {
    const offered = ['IMAP4REV1', 'LITERAL+', 'MULTIAPPEND', 'UIDPLUS', 'BINARY', 'APPENDLIMIT=35651584'];
    expect(appendFeatures(new Set(offered))).toEqual({
      multiAppend: true,
      literal: 'plus',
      uidPlus: true,
      binary: true,
      appendLimit: 35_651_584,
    });
  });

  test('assumes nothing', () => {
    const none = { multiAppend: false, literal: 'sync', uidPlus: false, binary: false, appendLimit: undefined };
    expect(appendFeatures(new Set(['IMAP4REV1', 'APPENDLIMIT']))).toEqual(none);
    expect(appendFeatures(new Set(['IMAP4REV1', 'APPENDLIMIT=0']))).toEqual(none);
    expect(appendFeatures(new Set(['IMAP4REV1', 'IMAP4REV2']))).toEqual(none);
    expect(appendFeatures(new Set(['IMAP4REV1', 'LITERAL-']))).toEqual({ ...none, literal: 'minus' });
  });

  test('knows what IMAP4rev2 alone brings along', () => {
    expect(appendFeatures(new Set(['IMAP4REV2']))).toMatchObject({ literal: 'minus', uidPlus: true, binary: false });
  });
});
