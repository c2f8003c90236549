import { describe, expect, it } from 'vitest';
import { targetKey } from '../../../src/append/target.ts';
import type { Rule, RuleElement } from '../../../src/ground/settings-rules.ts';
import { decide, setOf, whereTo } from './rule-rig.ts';

const arrived = (date: string) => `Received: by x; ${date}`;
/** True where a rule with these conditions holds for a message with these lines. */
const holds = async (rule: Rule, lines: readonly string[], size?: number) =>
  (await whereTo([{ ...rule, to: 'There' }], lines, size)) === 'There';

describe('a condition on a field', () => {
  it.each<[Rule, string, boolean]>([
    [{ header: 'subject', equals: 'Your INVOICE' }, 'Subject: your invoice', true],
    [{ header: 'Subject', equals: 'Your invoice' }, 'Subject: Re: your invoice', false],
    [{ header: 'Subject', equals: 'Your invoice' }, 'Subject: your\r\n\tinvoice ', true],
    [{ header: 'Subject', equals: ['a', 'b'] }, 'Subject: B', true],
    [{ header: 'Subject', contains: 'invoice' }, 'SUBJECT: Re: your Invoice no. 5', true],
    [{ header: 'Subject', contains: ['bill', 'invoice'] }, 'Subject: nothing', false],
    [{ header: 'Subject', contains: 'grüße' }, 'Subject: =?utf-8?Q?Viele_Gr=C3=BC=C3=9Fe?=', true],
    [{ header: 'Subject', contains: 'grüße' }, 'Subject: =?iso-8859-1?B?VmllbGUgR3L832U=?=', true],
    [{ header: 'Subject', contains: 'grüße' }, 'Subject: Viele Grüße', true],
    [{ header: 'Subject', contains: 'gru\u0308\u00dfe' }, 'Subject: Viele Grüße', true],
    [{ header: 'Subject', contains: '?utf-8?' }, 'Subject: =?utf-8?Q?x?=', true],
    [{ header: 'Subject', contains: '日本' }, 'Subject: =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=', true],
    [{ header: 'Subject', contains: 'x' }, 'Subject: =?no-such-charset?B?!!!?= =?utf-8?Q?', false],
    [{ header: 'Subject', matches: '^order [0-9]+$' }, 'Subject: Order 66', true],
    [{ header: 'Subject', matches: ['^a', 'b$'] }, 'Subject: xb', true],
    [{ header: 'Subject', matches: '^order [0-9]+$' }, 'Subject: My order 66', false],
    [{ header: 'X-Mine', exists: true }, 'x-mine:', true],
    [{ header: 'X-Mine', exists: false }, 'x-mine:', false],
    [{ header: 'X-Mine', exists: false }, 'Subject: x', true],
  ])('%j and %j: %s', async (rule, line, expected) => {
    expect(await holds(rule, [line])).toBe(expected);
  });

  it('looks at every field of the name', async () => {
    expect(
      await holds({ header: 'Received', contains: 'relay.b' }, ['Received: by relay.a', 'Received: by relay.b']),
    ).toBe(true);
  });

  it('looks at the first characters only, over all fields of the name', async () => {
    const set = await setOf([{ header: 'Subject', contains: 'late', to: 'There' }], { textMaxLength: 100 });
    const target = (lines: string[]) => targetKey(decide(set, lines).target);
    expect(target([`Subject: ${'x'.repeat(50)}late`])).toBe('There');
    expect(target([`Subject: ${'x'.repeat(100)}late`])).toBe('');
    expect(target([`Subject: ${'x'.repeat(100)}`, 'Subject: late'])).toBe('');
  });
});

describe('other conditions', () => {
  const own = ['From: me@example.com', 'To: you@example.net'];
  it.each<[Rule, string[], boolean]>([
    [{ fromMe: true }, own, true],
    [{ fromMe: false }, own, false],
    [{ fromMe: true }, ['From: me@example.com', 'To: me@example.com'], false],
    [{ spam: true }, ['X-Spam-Flag: YES'], true],
    [{ spam: false }, ['X-Spam-Flag: NO'], true],
    [{ listId: true }, ['List-Id: A list <dev.lists.example>'], true],
    [{ listId: false }, ['List-Id: A list <dev.lists.example>'], false],
    [{ listId: 'Dev.Lists.Example' }, ['List-Id: A list <dev.lists.example>'], true],
    [{ listId: ['a', 'b'] }, ['List-Id: <b>'], true],
    [{ listId: 'lists.example' }, ['List-Id: A list <dev.lists.example>'], false],
    [{ source: 'POP.old.example' }, [], true],
    [{ source: ['a', 'b'] }, [], false],
    [{ olderThanDays: 30 }, [arrived('1 Apr 2026 00:00:00 +0000')], true],
    [{ olderThanDays: 30 }, [arrived('20 May 2026 00:00:00 +0000')], false],
    [{ newerThanDays: 30 }, [arrived('20 May 2026 00:00:00 +0000')], true],
    [{ newerThanDays: 30 }, [], false],
    [{ olderThanDays: 0 }, [], false],
    [{ beforeThisYear: true }, [arrived('31 Dec 2025 23:59:59 -0500')], true],
    [{ beforeThisYear: true }, [arrived('1 Jan 2026 00:00:00 +0900')], false],
    [{ beforeThisYear: false }, [arrived('1 Jan 2026 00:00:00 +0900')], true],
    [{ beforeThisYear: false }, [], false],
    [{ minBytes: 1000 }, [], true],
    [{ minBytes: 1001 }, [], false],
    [{ maxBytes: 1000, minBytes: 1000 }, [], true],
    [{ maxBytes: 999 }, [], false],
    [{ fromMe: true, minBytes: 1001 }, own, false],
    [{ any: [{ spam: true }, { fromMe: true }] }, own, true],
    [{ any: [{ spam: true }, { listId: true }] }, own, false],
    [{ all: [{ spam: false }, { fromMe: true }] }, own, true],
    [{ not: { fromMe: true } }, own, false],
    [{ not: { all: [{ fromMe: true }, { not: { spam: false } }] } }, own, true],
    [{}, [], true],
  ])('%j and %j: %s', async (rule, lines, expected) => {
    expect(await holds(rule, lines, 1000)).toBe(expected);
  });
});

describe('the first rule that holds decides', () => {
  const list: RuleElement[] = [
    { header: 'Subject', contains: 'a', to: 'A', keywords: ['$A'] },
    { header: 'Subject', contains: 'b', flags: ['\\Flagged'], keywords: ['work'], seen: false },
    { name: 'no c', header: 'Subject', contains: 'c', skip: 'nobody wants it' },
  ];

  it('and no other', async () => {
    const set = await setOf(list);
    const said = (subject: string) => decide(set, [`Subject: ${subject}`]);
    expect(said('abc')).toMatchObject({ target: { kind: 'named', name: 'A' }, flags: ['$A'], seen: undefined });
    expect(said('bc')).toMatchObject({ target: { kind: 'main' }, flags: ['\\Flagged', 'work'], seen: false });
    expect(said('c').skip).toEqual({ rule: 'no c', reason: 'nobody wants it' });
    expect(said('x')).toMatchObject({ target: { kind: 'main' }, flags: [], skip: undefined });
  });

  it('with placement inbox too: but all that is carried goes to the main mailbox', async () => {
    const set = await setOf(list, { placement: 'inbox' });
    const said = (subject: string) => decide(set, [`Subject: ${subject}`]);
    expect(said('abc')).toMatchObject({ target: { kind: 'main' }, flags: ['$A'], skip: undefined });
    expect(said('c').skip).toBeDefined();
  });
});

describe('a template', () => {
  const message = [
    'From: "A, B" <x@News.Example.org>',
    'List-Id: Dev <dev.lists.example>',
    arrived('31 Dec 2019 23:30:00 -0500'),
  ];
  it.each([
    ['Lists/{list-id}', 'Lists/dev.lists.example'],
    ['Archive/{year}/{month}', 'Archive/2019/12'],
    ['\\Archive/{year}', '\\Archive/2019'],
    ['\\junk', '\\Junk'],
    ['from {from-domain}', 'from news.example.org'],
    ['{source}', 'pop.old.example'],
  ])('%s is %s', async (to, expected) => {
    expect(await whereTo([{ to }], message)).toBe(expected);
  });

  it.each([
    ['List-Id: <../../../etc>', 'Lists/etc'],
    ['List-Id: <a/b\\c>', 'Lists/a_b_c'],
    ['List-Id: <a%b*c"d\u0001e\u007f>', 'Lists/a_b_c_d_e'],
    ['List-Id: <#shared.x>', 'Lists/shared.x'],
    ['List-Id: <a...b>', 'Lists/a.b'],
    [`List-Id: <${'x'.repeat(200)}>`, `Lists/${'x'.repeat(60)}`],
  ])('makes a value harmless: %j gives %s', async (line, expected) => {
    expect(await whereTo([{ to: 'Lists/{list-id}' }], [line])).toBe(expected);
  });

  it('without a value has the next rule decide', async () => {
    const list: RuleElement[] = [{ to: 'Lists/{list-id}' }, { to: 'Archive/{year}' }, { to: 'Rest' }];
    expect(await whereTo(list, message)).toBe('Lists/dev.lists.example');
    expect(await whereTo(list, message.slice(2))).toBe('Archive/2019');
    expect(await whereTo(list, ['List-Id: <...>'])).toBe('Rest');
  });

  it('fills no more mailboxes than it may', async () => {
    const set = await setOf([{ to: '{list-id}' }], { mailboxesMax: 2 });
    const names = ['a', 'b', 'c', 'a', 'b'].map((id) => targetKey(decide(set, [`List-Id: <${id}>`]).target));
    expect(names).toEqual(['a', 'b', '', 'a', 'b']);
  });
});

describe('the presets', () => {
  it.each<[RuleElement, string[], string]>([
    ['own-mail-to-sent', ['From: me@example.com', 'To: you@example.net'], '\\Sent'],
    ['own-mail-to-sent', ['From: you@example.net'], ''],
    ['spam-to-junk', ['X-Spam-Status: Yes, score=9'], '\\Junk'],
    ['archive-by-year', [arrived('3 Mar 2014 10:00:00 +0000')], '\\Archive/2014'],
    ['archive-by-year', [arrived('3 Mar 2026 10:00:00 +0000')], ''],
    ['archive-by-year', [], ''],
  ])('%s with %j: %j', async (preset, lines, expected) => {
    expect(await whereTo([preset], lines)).toBe(expected);
  });

  it('skip the state of a UW-IMAP folder, and nothing that only looks like it', async () => {
    const set = await setOf(['skip-folder-internal-data'], { placement: 'inbox' });
    const subject = "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA";
    for (const field of ['X-IMAP: 1 2', 'X-IMAPbase: 1 2']) {
      expect(decide(set, [subject, field]).skip).toMatchObject({ rule: 'skip-folder-internal-data' });
    }
    expect(decide(set, [subject]).skip).toBeUndefined();
    expect(decide(set, ['Subject: Re: folder internal data', 'X-IMAP: 1']).skip).toBeUndefined();
  });
});
