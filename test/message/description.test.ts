import { describe, expect, it } from 'vitest';
import { describeMessage } from '../../src/message/description.ts';
import { headerFields } from '../../src/message/header.ts';
import { fuzz, mailBytes } from '../fuzz.ts';

const describeText = (header: string | Buffer, withSubject = true) =>
  describeMessage(headerFields(Buffer.from(header as string)), withSubject);
const subjectOf = async (subject: string | Buffer) => {
  const header = Buffer.concat([Buffer.from('Subject: '), Buffer.from(subject as string), Buffer.from('\r\n\r\n')]);
  return (await describeText(header)).subject;
};

describe('the description of a message', () => {
  it('is its date, its id and its subject as they stand there', async () => {
    const header = 'Date: Tue,\r\n 4 Mar 2014\r\nMessage-ID: <a@b>\r\nSubject: Hello\r\n\r\n';
    const date = 'Tue, 4 Mar 2014';
    expect(await describeText(header)).toEqual({ date, messageId: '<a@b>', subject: 'Hello' });
    expect(await describeText(header, false)).toEqual({ date, messageId: '<a@b>', subject: '' });
    expect(await describeText('\r\n')).toEqual({ date: '', messageId: '', subject: '' });
  });

  it.each([
    ['encoded words', '=?utf-8?B?R3LDvMOf?= =?utf-8?Q?e_!?=', 'Grüße !'],
    ['a character that is split between words', '=?utf-8?Q?=C3?=\r\n =?utf-8?Q?=BC?=', 'ü'],
    ['another character set', '=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=', '日本'],
    ['raw UTF-8', 'Grüße', 'Grüße'],
    ['raw Latin-1', Buffer.from('Grüße', 'latin1'), 'Grüße'],
    ['an unknown character set', '=?x-none?Q?abc?=', 'abc'],
    ['a broken word', '=?utf-8?Q?abc', '=?utf-8?Q?abc'],
  ])('reads %s', async (_, subject, shown) => {
    expect(await subjectOf(subject)).toBe(shown);
  });

  it.each([
    ['terminal escapes', '=?utf-8?Q?a=1B[31mb?='],
    ['line ends', '=?utf-8?Q?a=0D=0Ab?='],
    ['C1 controls', '=?utf-8?Q?a=C2=9Bb?='],
    ['a change of direction', '=?utf-8?Q?a=E2=80=AEb?='],
    ['NUL', 'a\0b'],
    ['lone surrogates', '=?utf-16le?B?YQAA2GIA?='],
  ])('makes %s harmless', async (_, subject) => {
    const shown = await subjectOf(subject);
    expect(shown).toMatch(/^a.*b$/);
    expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e]/u);
  });

  it('is bounded, whatever is in the header', async () => {
    expect(await subjectOf('x'.repeat(5000))).toBe(`${'x'.repeat(200)}…`);
    // The cut is in the middle of a pair.
    expect(await subjectOf(`=?utf-8?Q?${'x'.repeat(199)}=F0=9F=98=80y?=`)).toBe(`${'x'.repeat(199)}\ufffd…`);
  });

  fuzz('holds for any header', mailBytes, async (bytes) => {
    for (const text of Object.values(await describeMessage(headerFields(bytes), true))) {
      expect(text.length).toBeLessThanOrEqual(301);
      expect(text).not.toMatch(/[\p{Cc}\p{Cs}]/u);
    }
  });
});
