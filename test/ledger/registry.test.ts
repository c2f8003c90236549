import { describe, expect, it } from 'vitest';
import { accountKeys } from '../../src/ground/keys.ts';
import { noteOwed, noteUnreadable, readOwed } from '../../src/ledger/owed.ts';
import { type Outcome, uidlKey } from '../../src/ledger/record.ts';
import { acceptRefused, readAcceptances, reopenRefused } from '../../src/ledger/refusals.ts';
import { packRefusal, type Refusal, readRegistry } from '../../src/ledger/registry.ts';
import { startRun } from '../../src/ledger/run.ts';
import { settle } from '../../src/ledger/settle.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import { useRedis } from './redis-rig.ts';

const redis = useRedis();
const account = 'd'.repeat(32);
const nameOf = (uidl: string) => uidlKey(Buffer.from(uidl)).toString('hex');
const read = () => readRegistry(redis.client, account);
let batches = 0;

/** One message ends in a run, as an append session settles it; a refused one with this JSON. */
async function end(uidl: string, outcome: Outcome, refusal = ''): Promise<void> {
  const { client } = redis;
  batches += 1;
  const batch = `b${batches}`;
  await startRun(client, account, `r${batches}`, 1000, false);
  await client.set(accountKeys.fence(account), 'mine');
  const facts = { offset: 0, size: 10, headerBytes: 1, sha256: '', fingerprint: '', hasMessageId: true, hasNul: false };
  const messages = [{ ...facts, uidl, key: nameOf(uidl) }];
  const kind = 'messages' as const;
  await registerBatch(client, 's', { version: 1, batch, account, id: 'x', kind, firstRun: true, bytes: 1, messages });
  const key = uidlKey(Buffer.from(uidl));
  const record = { key, outcome, mailbox: 1, uid: 1, size: 10, content: Buffer.alloc(8), run: batches };
  const scope = { account, spool: 's', batch, token: 'mine', command: '' };
  await settle(client, scope, [{ index: 0, outcome, record, mailbox: 'INBOX', refusal }]);
}

const refusal = (more: Partial<Refusal> = {}) =>
  packRefusal({ code: 'append-refused', text: 'no', uidl: 'a', size: 10, sha256: 'ff', ...more });

describe('the registry of what did not arrive', () => {
  it('has everything that is known of a refused message', async () => {
    const known = {
      reply: 'NO no',
      arrived: '04-Mar-2014 10:20:30 +0100',
      date: 'Tue',
      messageId: '<a>',
      subject: 's"\\',
    };
    await end('a', 'refused', refusal({ ...known, tries: 2, at: 5, run: 1 }));
    expect(await read()).toEqual([
      {
        ...known,
        key: nameOf('a'),
        fate: 'refused',
        code: 'append-refused',
        text: 'no',
        tries: 2,
        uidl: 'a',
        size: 10,
        sha256: 'ff',
        at: 5,
        run: 1,
      },
    ]);
  });

  it('reads what earlier versions wrote', async () => {
    await end('a', 'refused', JSON.stringify({ code: 'append-refused', text: 'no' }));
    const nothing = { uidl: '', size: 0, sha256: '', date: '', messageId: '', subject: '', arrived: '', reply: '' };
    expect(await read()).toMatchObject([{ code: 'append-refused', text: 'no', tries: 1, at: 0, run: 0, ...nothing }]);
  });

  it('bounds what servers say, and makes it harmless', async () => {
    await end('a', 'refused', refusal({ text: 'x'.repeat(5000), reply: 'NO \x1b[31m\r\n' }));
    const [message] = await read();
    expect(message!.text).toHaveLength(1001);
    expect(message!.reply).toBe('NO  [31m');
  });

  it('goes on counting tries when a message is retried, and keeps the sum with what is accepted', async () => {
    await end('a', 'refused', refusal({ tries: 2 }));
    await reopenRefused(redis.client, account);
    expect(await read()).toEqual([]);
    await end('a', 'refused', refusal());
    expect(await read()).toMatchObject([{ tries: 3 }]);
    await reopenRefused(redis.client, account);
    await end('a', 'refused', refusal({ tries: 4, subject: '"tries":9' }));
    expect(await read()).toMatchObject([{ tries: 7, subject: '"tries":9' }]);
    await acceptRefused(redis.client, account, { by: 'ops', reason: 'spam', at: 1 });
    expect(await read()).toEqual([]);
    const [accepted] = await readAcceptances(redis.client, account);
    expect(accepted!.refusal).toMatchObject({ uidl: 'a', sha256: 'ff', tries: 7 });
  });

  it('forgets the tries of what arrives in the end', async () => {
    await end('a', 'refused', refusal());
    await reopenRefused(redis.client, account);
    expect(await redis.client.exists(accountKeys.triedBefore(account))).toBe(1);
    await end('a', 'appended');
    expect(await redis.client.exists(accountKeys.triedBefore(account))).toBe(0);
  });

  it('has what the source does not hand out, and counts how often it was asked for', async () => {
    const { client } = redis;
    const message = { key: nameOf('u'), uidl: 'u', size: 7, reply: '-ERR disk' };
    await noteOwed(client, account, [nameOf('old')], 'unreadable');
    await noteOwed(client, account, [nameOf('lost')], 'spool-lost');
    await noteUnreadable(client, account, [message, { ...message, key: nameOf('old') }], 50);
    await noteUnreadable(client, account, [message], 60);
    const fates = Object.fromEntries(
      (await read()).map(({ key, fate, code, tries, uidl }) => [key, { fate, code, tries, uidl }]),
    );
    const unreadable = { fate: 'unreadable', code: 'message-unreadable', uidl: 'u' };
    expect(fates).toEqual({
      [nameOf('u')]: { ...unreadable, tries: 2 },
      [nameOf('old')]: { ...unreadable, tries: 2 },
      [nameOf('lost')]: { fate: 'hidden', code: 'message-hidden', tries: 1, uidl: '' },
    });
    expect((await readOwed(client, account)).get(nameOf('u'))).toBe('unreadable');
    await end('u', 'appended');
    expect((await read()).map(({ key }) => key).sort()).toEqual([nameOf('old'), nameOf('lost')].sort());
  });
});
