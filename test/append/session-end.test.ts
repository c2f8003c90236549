/** What a session tells at its end. */
import { expect, it } from 'vitest';
import { accountKeys } from '../../src/ground/keys.ts';
import { isFull } from '../../src/ledger/full-mailbox.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { account, mail, SessionRig } from './session-rig.ts';

const redis = useRedis();

it('tells what it found out before its account can count as done', async () => {
  const rig = await SessionRig.make(redis, {
    refuseCreate: (name) => (name.includes('.') ? 'NO [CANNOT] no dots' : undefined),
    appendUid: () => 'ALERT',
  });
  await rig.spool({ one: mail('one') });
  await redis.client.config('SET', 'slowlog-log-slower-than', '0');
  await redis.client.config('SET', 'slowlog-max-len', '10000');
  const { end, problems } = await rig.session('Old.mail');
  const log = (await redis.client.slowlog('GET', '10000')) as [number, number, number, string[]][];
  const commands = log.map(([, , , args]) => args).reverse();
  expect(end).toBe('done');
  expect(problems).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ code: 'mailbox-renamed', count: 1 }),
      expect.objectContaining({ code: 'server-alert', count: 1 }),
    ]),
  );
  const over = commands.findIndex(isGivenUp);
  for (const code of ['mailbox-renamed', 'server-alert']) {
    const told = commands.findIndex((args) => args[0]!.toLowerCase() === 'hset' && args[2] === code);
    expect(told, code).toBeGreaterThan(-1);
    expect(told, code).toBeLessThan(over);
  }
});

it.each(['INBOX', 'Archive'])('comes back later where the server has no room to make a mailbox: %s', async (main) => {
  const rules = { default: [{ header: 'Subject', equals: 'other', to: 'Other' }], groups: {}, accounts: {} };
  const refuseCreate = () => 'NO [OVERQUOTA] no space';
  const rig = await SessionRig.make(redis, { refuseCreate }, { rules });
  await rig.spool({ one: mail('one'), other: mail('other') });
  expect((await rig.session(main)).end).toBe('wait');
  expect(await isFull(redis.client, account)).toBe(true);
  rig.imap.behaviour = {};
  const { end, run } = await rig.session(main);
  expect(end).toBe('done');
  expect(run).toMatchObject({ appended: 2, refused: 0 });
  expect(await isFull(redis.client, account)).toBe(false);
});

/** The script that takes a session without batches out of the sessions of its account. */
function isGivenUp(args: string[]): boolean {
  return args[2] === '3' && args[3]!.includes(':batches') && args[4] === accountKeys.appendSessions(account);
}
