/** The policies for twins that compare no content: what dies after its closing bytes is neither doubled nor lost. */
import { expect, test } from 'vitest';
import { scriptedRow } from '../flow/haul-rig.ts';
import { CrashRig, expectCalm } from './crash-rig.ts';

const messages = Array.from({ length: 18 }, (_, n) => ({
  uidl: `u${n}`,
  bytes: Buffer.from(`Message-ID: <${n}@x>\r\nSubject: ${n}\r\n\r\ntext of ${n}\r\n`),
}));

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
