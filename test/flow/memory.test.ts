/** Memory is flat: it does not grow with the size of a message (design §2, promise 7; §10). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { deliver } from '../../src/demo/maildir.ts';
import { canonical, mailboxContents } from '../servers/witness.ts';
import { dovecotRow, expectReport, expectUntouched, HaulRig } from './haul-rig.ts';

const accounts = 20;
const hugeBytes = 25_000_000;
const budgetBytes = 250 * 1024 * 1024;

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

test('twenty accounts at once, a message of 25 MB among the mail of each, stay under the budget', async () => {
  const source = await rig.dovecot({ protocols: ['pop3'] });
  const destination = await rig.dovecot({ protocols: ['imap'] });
  const users = Array.from({ length: accounts }, (_, i) => `u${i}`);
  const line = `${'QUJD'.repeat(19)}\r\n`;
  const body = Buffer.from(line.repeat(Math.ceil(hugeBytes / line.length)));
  const head = (name: string) => Buffer.from(`Message-ID: <${name}@x>\r\nSubject: ${name}\r\n\r\n`);
  for (const user of users) {
    const small = (n: number) => ({ bytes: Buffer.concat([head(`${user}-${n}`), Buffer.from('small\r\n')]) });
    const huge = { bytes: Buffer.concat([head(`${user}-huge`), body]) };
    await deliver({ server: source, user }, [small(0), small(1), huge, small(2)]);
  }
  const list = await rig.list(users.map((user) => dovecotRow(source, destination, user)));

  const haul = rig.startSync(list);
  let peakBytes = 0;
  let over = false;
  void haul.ended.then(() => {
    over = true;
  });
  while (!over) {
    peakBytes = Math.max(peakBytes, residentBytes(haul.child.pid!));
    await new Promise((resume) => setTimeout(resume, 20));
  }
  const ended = await haul.ended;
  expect(expectReport(ended).totals.messages).toMatchObject({ listed: 4 * accounts, appended: 4 * accounts });
  expect(peakBytes).toBeGreaterThan(0);
  expect(peakBytes).toBeLessThan(budgetBytes);

  const wanted = createHash('sha256').update(canonical(body)).digest('hex');
  for (const user of users) {
    const bodies = [];
    for await (const { bytes } of mailboxContents({ port: destination.imapPort, user, password: 'pw' })) {
      const content = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
      if (content.length > 1000) bodies.push(createHash('sha256').update(canonical(content)).digest('hex'));
    }
    expect(bodies).toEqual([wanted]);
    await expectUntouched({ port: source.popPort, user, password: 'pw' }, 4);
  }
});

/** The most that the process ever had resident; 0 when it is gone. */
function residentBytes(pid: number): number {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
