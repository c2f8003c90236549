/** Connections of a session that are replaced while it works. */
import { expect, it } from 'vitest';
import { useRedis } from '../ledger/redis-rig.ts';
import type { AppendedMessage } from '../servers/scripted-imap.ts';
import { mail, SessionRig } from './session-rig.ts';

const redis = useRedis();
const capabilities = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'SPECIAL-USE', 'UIDPLUS', 'LITERAL+'];

it('gives the next mailbox a fresh connection where the server ended the one before for what it refused', async () => {
  const second = mail('big', 'another body');
  const behaviour = {
    capabilities,
    bye: ({ size }: AppendedMessage) => {
      if (size < 5000) return undefined;
      // What comes behind it waits for its answer, and need not be sent then
      rig.imap.store('INBOX', second);
      return '[TOOBIG] Message too large';
    },
  };
  const rules = { default: [{ header: 'Subject', equals: 'other', to: 'Other' }], groups: {}, accounts: {} };
  const rig: SessionRig = await SessionRig.make(redis, behaviour, { rules });
  rig.imap.addMailbox('Other');
  await rig.spool({ big: mail('big', 'x'.repeat(6000)), second, other: mail('other') });
  const { end, run, refusals } = await rig.session();
  expect(end).toBe('done');
  expect(run).toMatchObject({ appended: 1, duplicate: 1, refused: 1 });
  expect(refusals.get('big')?.code).toBe('message-too-big');
});
