/** Messages that may be at the destination although no OK came, when the session that sent them ended. */
import { expect, it } from 'vitest';
import { accountKeys } from '../../src/ground/keys.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import type { AppendedMessage } from '../servers/scripted-imap.ts';
import { account, mail, SessionRig } from './session-rig.ts';

const redis = useRedis();
const capabilities = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'SPECIAL-USE', 'UIDPLUS', 'LITERAL+'];

it('looks for a message in the form in which it was sent', async () => {
  const bare = ({ bytes }: AppendedMessage) => bytes.includes('a\rb');
  const rig = await SessionRig.make(redis, {
    capabilities,
    refuse: (message) => (bare(message) ? 'NO message contains bare CR' : undefined),
    drop: (message) => (bare(message) ? undefined : 'after-storing'),
  });
  await rig.spool({ whole: mail('whole', 'a\rb') });
  expect((await rig.session()).end).toBe('append-in-doubt');
  expect(rig.imap.stored()).toHaveLength(1);
  rig.imap.behaviour = { capabilities };
  const { end, run } = await rig.session();
  expect(end).toBe('done');
  expect(run).toMatchObject({ appended: 1, duplicate: 0, repaired: 1 });
  expect(rig.imap.stored()).toHaveLength(1);
  expect(await redis.client.hlen(accountKeys.intents(account))).toBe(0);
});

it('keeps in mind what a server may have stored that named no lasting reason', async () => {
  const settings = { dedupe: 'off' as const, refusalWaitsMs: [600_000] };
  let rig: SessionRig | undefined;
  let lied = 0;
  const behaviour = {
    capabilities,
    refuse: ({ bytes }: AppendedMessage) => {
      if (!bytes.includes('lied') || lied++ > 0) return undefined;
      rig?.imap.store('INBOX', bytes);
      return 'NO Server Unavailable. 15';
    },
    drop: ({ bytes }: AppendedMessage) => (bytes.includes('last') ? ('before-storing' as const) : undefined),
  };
  rig = await SessionRig.make(redis, behaviour, settings);
  await rig.spool({ lied: mail('lied'), last: mail('last') });
  expect((await rig.session()).end).toBe('append-in-doubt');
  rig.imap.behaviour = { capabilities };
  const { end, run } = await rig.session();
  expect(end).toBe('done');
  expect(run).toMatchObject({ appended: 2, duplicate: 0 });
  expect(rig.imap.stored()).toHaveLength(2);
  expect(await redis.client.hlen(accountKeys.intents(account))).toBe(0);
});

it('looks for a message in doubt in a mailbox that was replaced since', async () => {
  const rig = await SessionRig.make(redis, { capabilities, drop: () => 'after-storing' }, { dedupe: 'off' });
  for (let n = 1; n < 5; n += 1) rig.imap.store('INBOX', mail(`old${n}`));
  await rig.spool({ one: mail('one') });
  expect((await rig.session()).end).toBe('append-in-doubt');
  const inbox = rig.imap.mailboxes.get('INBOX')!;
  inbox.uidValidity += 1;
  for (const [at, message] of inbox.messages.splice(4).entries())
    inbox.messages.splice(0, 4, { ...message, uid: at + 1 });
  inbox.uidNext = 2;
  rig.imap.behaviour = { capabilities };
  const { end, run } = await rig.session();
  expect(end).toBe('done');
  expect(run).toMatchObject({ appended: 1, duplicate: 0 });
  expect(rig.imap.stored()).toHaveLength(1);
});

it('finds a message in doubt in a mailbox that has another name since', async () => {
  const rules = { default: [{ header: 'Subject', equals: 'one', to: 'Lists' }], groups: {}, accounts: {} };
  const rig = await SessionRig.make(redis, { capabilities, drop: () => 'after-storing' }, { rules });
  rig.imap.addMailbox('Lists');
  rig.imap.store('Lists', mail('older'));
  await rig.spool({ one: mail('one') });
  expect((await rig.session()).end).toBe('append-in-doubt');
  rig.imap.mailboxes.set('Old', rig.imap.mailboxes.get('Lists')!);
  rig.imap.mailboxes.delete('Lists');
  rig.imap.behaviour = { capabilities };
  const { end, run } = await rig.session();
  expect(end).toBe('done');
  expect(run).toMatchObject({ appended: 1, duplicate: 0 });
  expect(rig.imap.stored('Old')).toHaveLength(2);
  expect(rig.imap.stored('Lists')).toHaveLength(0);
});
