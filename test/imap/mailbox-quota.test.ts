import { afterEach, describe, expect, test } from 'vitest';
import { freeBytes, freeMessages, offersQuota, type Quota, tightest } from '../../src/imap/mailbox-quota.ts';
import { MailboxClient } from '../../src/imap/mailboxes.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { endpoint, errorOf, quick } from './imap-rig.ts';

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** What a server that answers so is asked, and what is made of it. */
async function told(answers: Readonly<Record<string, readonly string[]>>, path = 'INBOX', quotaWord = 'QUOTA') {
  const imap = await ScriptedImap.start({
    capabilities: ['IMAP4rev1', 'AUTH=PLAIN', quotaWord],
    answer: (command) => {
      const [, verb = '', name = ''] = /^\S+ (GETQUOTA(?:ROOT)?) (.*)$/.exec(command) ?? [];
      return verb === '' ? undefined : (answers[`${verb} ${name}`] ?? ['TAG BAD what']).join('\r\n').concat('\r\n');
    },
  });
  const client = await MailboxClient.connect(endpoint(imap.port), quick);
  ends.push(async () => {
    client.destroy();
    await imap.stop();
  });
  return { client, quotas: client.quotas(path) };
}

describe('the quotas of a mailbox', () => {
  test('have resources of bytes and of messages, in any order and beside others', async () => {
    const { quotas } = await told({
      'GETQUOTAROOT "INBOX"': [
        '* QUOTAROOT INBOX "User quota"',
        '* QUOTA "User quota" (MESSAGE 4 7 ANNOTATION-STORAGE 1 2 storage 10 512)',
        'TAG OK done',
      ],
    });
    expect(await quotas).toEqual([
      { root: 'User quota', usedBytes: 10_240, limitBytes: 524_288, usedMessages: 4, limitMessages: 7 },
    ]);
  });

  test('may be several, some of them told only when asked for', async () => {
    const { quotas, client } = await told(
      {
        'GETQUOTAROOT "Entw&APw-rfe"': ['* QUOTAROOT x "" domain', '* QUOTA "" (STORAGE 1 2)', 'TAG OK done'],
        'GETQUOTA "domain"': ['* QUOTA domain (STORAGE 5 9)', 'TAG OK done'],
      },
      'Entwürfe',
      'QUOTA=RES-STORAGE',
    );
    expect(await quotas).toEqual([
      { root: '', usedBytes: 1024, limitBytes: 2048 },
      { root: 'domain', usedBytes: 5120, limitBytes: 9216 },
    ]);
    expect(await client.quotas('Other')).toEqual([]);
  });

  test.each([
    ['nothing at all', ['TAG OK done']],
    ['a refusal', ['TAG NO not for you']],
    ['a root without limits', ['* QUOTAROOT INBOX ""', '* QUOTA "" ()', 'TAG OK done']],
    ['numbers that are none', ['* QUOTAROOT INBOX ""', '* QUOTA "" (STORAGE x 12 MESSAGE 3)', 'TAG OK done']],
  ])('%s limits nothing', async (_, answer) => {
    const { quotas } = await told({ 'GETQUOTAROOT "INBOX"': answer });
    expect(tightest(await quotas)).toBeUndefined();
    for (const quota of await quotas) expect(freeMessages(quota)).toBeUndefined();
  });

  test('a connection that ends is no answer', async () => {
    const { client, quotas } = await told({ 'GETQUOTAROOT "INBOX"': ['* BYE good night'] });
    client.destroy();
    expect(await errorOf(quotas)).toMatchObject({ code: 'connection-lost' });
  });
});

test('what is left is never less than nothing, and a limit of 0 is none', () => {
  const of = (usedBytes: number, limitBytes: number, root = ''): Quota => ({ root, usedBytes, limitBytes });
  expect([freeBytes(of(3, 10)), freeBytes(of(30, 10)), freeBytes(of(3, 0)), freeBytes(undefined)]).toEqual([
    7,
    0,
    undefined,
    undefined,
  ]);
  expect(tightest([of(0, 50, 'a'), of(9, 10, 'b'), of(9, 0, 'c')])?.root).toBe('b');
  expect(freeMessages({ ...of(0, 0), usedMessages: 9, limitMessages: 7 })).toBe(0);
});

test('servers say in one of two ways that they tell them', () => {
  expect(offersQuota(new Set(['IMAP4REV1', 'QUOTA']))).toBe(true);
  expect(offersQuota(new Set(['QUOTA=RES-STORAGE']))).toBe(true);
  expect(offersQuota(new Set(['QUOTASET']))).toBe(false);
});
