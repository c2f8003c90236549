/** Connections and files of a session: replaced while it works, and bounded. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
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

const fds = '/proc/self/fd';

/** The batch files that this process has open. */
function openBatches(): number {
  const paths = readdirSync(fds).map((fd) => {
    try {
      return readlinkSync(`${fds}/${fd}`);
    } catch {
      return '';
    }
  });
  return paths.filter((path) => path.includes('.batch')).length;
}

it.runIf(existsSync(fds))('keeps open the files of a few batches with refused messages', async () => {
  let most = 0;
  const refuse = (message: AppendedMessage) => {
    most = Math.max(most, openBatches());
    return message.bytes.includes('bad') ? 'NO no' : undefined;
  };
  const rig = await SessionRig.make(redis, { capabilities, refuse });
  for (let n = 0; n < 60; n += 1) await rig.spool({ [`bad${n}`]: mail(`bad${n}`), [`m${n}`]: mail(`m${n}`) });
  const { run, end } = await rig.session();
  expect(end).toBe('done');
  expect(run).toMatchObject({ appended: 60, refused: 60 });
  expect(most).toBeLessThan(40);
});
