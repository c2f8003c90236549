import { describe, expect, it } from 'vitest';
import { fingerprint, fingerprintBytes } from '../../src/message/fingerprint.ts';
import { headerFields } from '../../src/message/header.ts';
import { isOwnMail } from '../../src/message/own-mail.ts';

const header = (fields: Record<string, string>, ending = '\r\n') =>
  headerFields(
    Buffer.from(
      Object.entries(fields)
        .map(([name, value]) => `${name}: ${value}${ending}`)
        .join(''),
      'latin1',
    ),
  );
const mark = (fields: Record<string, string>, ending?: string) => fingerprint(header(fields, ending));
const message = { 'Message-ID': '<1@example.net>', Date: 'today', From: 'a@example.net', Subject: 'one two' };

describe('the fingerprint', () => {
  it('has nine bytes', () => {
    expect(mark(message).bytes).toHaveLength(fingerprintBytes);
  });

  it.each(Object.keys(message))('changes with %s', (name) => {
    expect(mark({ ...message, [name]: 'other' }).bytes).not.toEqual(mark(message).bytes);
  });

  it.each(['Received', 'To', 'X-Spam'])('does not change with %s', (name) => {
    expect(mark({ ...message, [name]: 'other' })).toEqual(mark(message));
  });

  it('does not change when a server folds a line, ends lines otherwise or shows NUL as 0x80', () => {
    expect(mark({ ...message, Subject: 'one\r\n\ttwo' })).toEqual(mark(message));
    expect(mark(message, '\n')).toEqual(mark(message));
    expect(mark({ ...message, Subject: 'a\0b' })).toEqual(mark({ ...message, Subject: 'a\x80b' }));
    expect(mark({ ...message, 'Message-ID': ' <1@ example.net> ' })).toEqual(mark(message));
  });

  it('takes the first of several fields of a name', () => {
    const twice = headerFields(Buffer.from('Message-ID: <1>\r\nMessage-ID: <2>\r\n'));
    expect(fingerprint(twice)).toEqual(mark({ 'Message-ID': '<1>' }));
  });

  it('of a message without Message-ID is made of its addresses too, and asks for its content', () => {
    const { 'Message-ID': _, ...bare } = message;
    expect(mark(bare).hasMessageId).toBe(false);
    expect(mark(message).hasMessageId).toBe(true);
    for (const name of ['To', 'Cc', 'Reply-To', 'Sender']) {
      expect(mark({ ...bare, [name]: 'other' }).bytes).not.toEqual(mark(bare).bytes);
    }
    expect(mark({ ...bare, 'Message-ID': ' ' })).toEqual(mark(bare));
  });

  it('does not mix up the borders of fields', () => {
    expect(mark({ From: 'ab', Subject: 'c' }).bytes).not.toEqual(mark({ From: 'a', Subject: 'bc' }).bytes);
  });
});

describe('own mail', () => {
  const own = new Set(['me@example.com', 'i@example.org']);
  const isOwn = (fields: Record<string, string>) => isOwnMail(header(fields), own);

  it('has an address of the user in From and none among the recipients', () => {
    expect(isOwn({ From: 'Me <ME@example.com>', To: 'you@example.net' })).toBe(true);
    expect(isOwn({ From: 'i@example.org' })).toBe(true);
  });

  it.each(['To', 'Cc', 'Bcc'])('is not a note to oneself, by %s', (name) => {
    expect(isOwn({ From: 'me@example.com', [name]: 'You <you@example.net>, "Me" <Me@Example.com>' })).toBe(false);
  });

  it('is not mail from others, whatever it looks like', () => {
    expect(isOwn({ From: 'you@example.net' })).toBe(false);
    expect(isOwn({ From: 'not-me@example.com.example.net' })).toBe(false);
    expect(isOwn({ Sender: 'me@example.com', From: 'you@example.net' })).toBe(false);
    expect(isOwn({})).toBe(false);
  });

  it('is not mail from others who show the address of the user as their name', () => {
    expect(isOwn({ From: '"me@example.com" <you@example.net>', To: 'list@example.net' })).toBe(false);
  });

  it('may have a quote in From that nothing closes', () => {
    expect(isOwn({ From: 'Me "O <me@example.com>' })).toBe(true);
    expect(isOwn({ From: 'Me "a" "O\\" <me@example.com>' })).toBe(true);
    expect(isOwn({ From: '"a\\"me@example.com" <you@example.net>' })).toBe(false);
  });

  // In time that grows with the square of the length these took a minute.
  it('is told from hostile quotes at once', () => {
    for (const piece of ['\\"', '\\"a', '\\\r"', '"\\']) {
      const fields = new Map([['from', [`"${piece.repeat(32_000)}\\`]]]);
      for (let i = 0; i < 20; i += 1) expect(isOwnMail(fields, own)).toBe(false);
    }
  }, 20_000);
});
