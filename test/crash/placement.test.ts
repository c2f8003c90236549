/** The program dies while an APPEND is in doubt, and the rules say something else when it comes back. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CrashStep } from '../../src/ground/crash-point.ts';
import { expectReport, expectScriptedUntouched, scriptedRow } from '../flow/haul-rig.ts';
import { CrashRig, expectDeath, forms } from './crash-rig.ts';

const user = 'ann@old.example';
const count = 12;
const ownMail = (at: number) => ({
  uidl: `own-${at}`,
  bytes: Buffer.from(
    `Message-ID: <own.${at}@old.example>\r\nFrom: ${user}\r\nTo: you@example.net\r\nSubject: own ${at}\r\n\r\n${at}\r\n`,
  ),
});
const messages = Array.from({ length: count }, (_, at) => ownMail(at));
/** All other mail of the account is left behind. */
const leaveAll = JSON.stringify({ default: [{ fromMe: true, skip: 'sent mail stays behind' }] });

let rig: CrashRig;

beforeEach(async () => {
  rig = await CrashRig.make();
});

afterEach(() => rig.end());

/** An account that died at a step with own mail on its way to Sent. */
async function died(form: (typeof forms)[number], step: CrashStep) {
  const pop = await rig.haul.pop({ messages: [...messages] });
  const imap = await rig.haul.imap({ ...form.behaviour });
  imap.addMailbox('Sent', ['\\Sent']);
  const list = await rig.haul.list([scriptedRow(pop, imap, { id: user })]);
  await expectDeath(rig.startSync(list, [], `${step}:1`), `${form.name} at ${step}`);
  const texts = (mailbox: string) => imap.stored(mailbox).map(String);
  return { list, texts, pop };
}

const among = [forms[0]!, forms.at(-1)!];
const deaths = among.flatMap((form) =>
  (['after-intent', 'after-closing'] as const).map((step) => [form, step] as const),
);

test.each(deaths.map(([form, step]) => [form.name, step, form] as const))(
  '%s, dead %s: with --placement inbox nothing is doubled, and what was in doubt is where it was sent',
  async (_, step, form) => {
    const { list, texts, pop } = await died(form, step);
    const late = ownMail(count);
    pop.behaviour.messages!.push(late);
    const ended = await rig.startSync(list, ['--placement', 'inbox']).ended;
    expect(ended.status, ended.stdout + ended.stderr).toBe(0);
    expectReport(ended);
    const all = [...texts('INBOX'), ...texts('Sent')];
    expect(all.sort()).toEqual([...messages, late].map(({ bytes }) => String(bytes)).sort());
    expect(texts('Sent').length).toBeGreaterThan(0);
    expect(texts('INBOX')).toContain(String(late.bytes));
    await expectScriptedUntouched(pop);
  },
);

test('what was in doubt is not skipped by a rule that came later, and all of it is accounted for', async () => {
  const { list, texts } = await died(among[0]!, 'after-closing');
  await rig.haul.settings({ batchMaxMessages: '6', leaseMs: '1000', rules: leaveAll });
  const ended = await rig.startSync(list).ended;
  expect(ended.status, ended.stdout + ended.stderr).toBe(0);
  const { messages: counts, problems } = expectReport(ended).accounts[0]!;
  const sent = texts('Sent');
  expect(new Set(sent).size).toBe(sent.length);
  expect(texts('INBOX')).toEqual([]);
  expect(counts).toMatchObject({ listed: count, appended: sent.length, known: count - sent.length });
  expect(problems).toMatchObject([{ code: 'message-skipped', count: count - sent.length }]);
  const again = expectReport(await rig.startSync(list).ended);
  expect(again.totals.messages).toMatchObject({ listed: count, known: count, appended: 0 });
});
