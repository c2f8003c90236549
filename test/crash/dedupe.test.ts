/** The policies for twins that compare no content: what dies after its closing bytes is neither doubled nor lost. */
import { expect, test } from 'vitest';
import { expectReport, scriptedRow } from '../flow/haul-rig.ts';
import { CrashRig, expectCalm } from './crash-rig.ts';

const mail = (n: number, id = `${n}`) => Buffer.from(`Message-ID: <${id}@x>\r\nSubject: ${n}\r\n\r\ntext of ${n}\r\n`);
const messages = Array.from({ length: 18 }, (_, n) => ({ uidl: `u${n}`, bytes: mail(n) }));

test.each(['off', 'message-id'])('dedupe: %s', { timeout: 120_000 }, async (dedupe) => {
  const rig = await CrashRig.make({ dedupe });
  try {
    const pop = await rig.haul.pop({ messages });
    const imap = await rig.haul.imap();
    const list = await rig.haul.list([scriptedRow(pop, imap)]);
    await rig.dies(list, 'one', 'after-closing', 2);
    // It died once what was in doubt had arrived, at the server if nowhere else.
    expect(imap.stored().length).toBeGreaterThan(0);
    await expectCalm(rig, list, { pop, imap, messages });
  } finally {
    await rig.end();
  }
});

test('a policy that changes while batches wait holds for them', { timeout: 120_000 }, async () => {
  const rig = await CrashRig.make({ dedupe: 'confirmed' });
  try {
    const pop = await rig.haul.pop({ messages });
    const imap = await rig.haul.imap();
    const list = await rig.haul.list([scriptedRow(pop, imap)]);
    await rig.dies(list, 'one', 'after-register', 3);
    // Under the policy of today the twins of all that was not appended yet, whatever their fingerprints in the spool are.
    const twins = messages.flatMap(({ bytes }, n) => (imap.stored().some((one) => one.equals(bytes)) ? [] : [n]));
    for (const n of twins) imap.store('INBOX', mail(n, `another ${n}`));
    const before = imap.stored().length;
    await rig.haul.settings({ batchMaxMessages: '6', leaseMs: '1000', dedupe: 'content' });
    const ended = await rig.startSync(list).ended;
    const { messages: counts, state } = expectReport(ended).accounts[0]!;
    expect({ state, pending: counts.pending }, ended.stderr).toEqual({ state: 'complete', pending: 0 });
    expect(imap.stored()).toHaveLength(before);
    expect(before).toBe(messages.length);
  } finally {
    await rig.end();
  }
});
