/** Mailboxes with a quota, and servers with a limit for one message: what fits goes, the rest is told and comes later. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot, DovecotOptions } from '../../src/demo/dovecot.ts';
import type { AccountStatus } from '../../src/operations/answers/account-status.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { all, canonical, mailboxContents } from '../servers/witness.ts';
import { type Ended, expectReport, expectScriptedUntouched, HaulRig, scriptedRow, side } from './haul-rig.ts';
import { ServiceRig, stopAll } from './service-rig.ts';

/** Messages of exactly so many bytes, no two alike. */
function mailOf(sizes: readonly number[]): { uidl: string; bytes: Buffer }[] {
  return sizes.map((size, at) => {
    const head = `Message-ID: <${at}@x>\r\nSubject: number ${at}\r\n\r\n`;
    return { uidl: `u${at}`, bytes: Buffer.from(`${head}${'y'.repeat(size - head.length - 2)}\r\n`) };
  });
}

/** 12 of these, and not 13, fit into 100 K. */
const mail = mailOf(Array.from({ length: 30 }, () => 8000));

const plain = 'IMAP4rev1 LITERAL+ NAMESPACE UIDPLUS SPECIAL-USE';

let rig: HaulRig;
let pop: ScriptedPop3;
let destination: Dovecot;
let list: string;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

/** A source with this mail, and a Dovecot whose users have a quota. */
async function servers(
  messages: readonly { uidl: string; bytes: Buffer }[],
  rules: string,
  options: Pick<DovecotOptions, 'storage' | 'imapCapability'> = {},
): Promise<void> {
  pop = await rig.pop({ messages: [...messages] });
  const plugin = `quota = count:User quota\n  quota_vsizes = yes\n  ${rules}`;
  const extra = `mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\nplugin {\n  ${plugin}\n}`;
  destination = await rig.dovecot({ protocols: ['imap'], extra, ...options });
  list = await rig.list([row('ann')]);
}

function row(user: string) {
  return scriptedRow(
    pop,
    { port: destination.imapPort },
    { id: user, ...side('imap', destination.imapPort, user, 'pw') },
  );
}

/** An administrator gives more room. */
async function raise(from: string, to: string): Promise<void> {
  const file = join(destination.directory, 'dovecot.conf');
  const text = await readFile(file, 'utf8');
  expect(text).toContain(from);
  await writeFile(file, text.replace(from, to));
  await destination.restart();
}

/** What a user has, in the order of the UIDs, by the numbers that the source gave. */
async function arrived(user = 'ann'): Promise<number[]> {
  const messages = await all(mailboxContents({ port: destination.imapPort, user, password: 'pw' }));
  const sent = new Map(pop.behaviour.messages!.map(({ bytes }, at) => [canonical(bytes).toString('latin1'), at]));
  const found = messages
    .sort((a, b) => a.uid - b.uid)
    .map(({ bytes }) => sent.get(canonical(bytes).toString('latin1')));
  expect(found).not.toContain(undefined);
  return found as number[];
}

/** How often each message was fetched. */
function fetched(): number[] {
  const counts = pop.behaviour.messages!.map(() => 0);
  for (const line of pop.transcript) {
    const [, number] = /^RETR (\d+)/i.exec(line) ?? [];
    if (number) counts[Number(number) - 1]! += 1;
  }
  return counts;
}

const first = (count: number) => Array.from({ length: count }, (_, at) => at);

function expectFull(ended: Ended, appended: number, known = 0): void {
  expect(ended.status, ended.stderr).toBe(3);
  expectReport(ended);
  const { state, messages, problems } = ended.account;
  expect(state).toBe('incomplete');
  expect(messages).toMatchObject({
    listed: 30,
    appended,
    known,
    refused: 0,
    failed: 0,
    pending: 30 - appended - known,
  });
  expect(problems).toMatchObject([{ code: 'mailbox-full', stops: 'account', count: 1 }]);
  expect(problems[0]!.text).toMatch(/is full: .+/);
}

describe('a mailbox that fills up takes what fits, in order, and the rest once there is room', () => {
  const offers = {
    'MULTIAPPEND and QUOTA': `${plain} MULTIAPPEND QUOTA`,
    'QUOTA alone': `${plain} QUOTA`,
    'MULTIAPPEND alone': `${plain} MULTIAPPEND`,
    neither: plain,
  };
  const table = Object.entries(offers).map(([name, imapCapability], at) => ({
    name,
    imapCapability,
    told: imapCapability.includes('QUOTA'),
    storage: at % 3 === 0 ? ('mdbox' as const) : ('maildir' as const),
  }));

  test.each(table)('$name, $storage', async ({ imapCapability, storage, told }) => {
    await servers(mail, 'quota_rule = *:storage=100K', { imapCapability, storage });
    const full = await rig.sync(list);
    expectFull(full, 12);
    expect(await arrived()).toEqual(first(12));
    const { text } = full.account.problems[0]!;
    expect(text).toContain('18 message(s) are left to bring');
    if (told) expect(text).toMatch(/: \d[\d.]* kB of 102\.4 kB are used; 18/);
    else expect(text).toContain('NO Quota exceeded');
    // Still full: nothing moves on either side, and what the spool holds is not fetched again.
    expectFull(await rig.sync(list), 0, 12);
    await raise('storage=100K', 'storage=100M');
    const last = await rig.sync(list);
    expect(last.status, last.stderr).toBe(0);
    expectReport(last);
    expect(last.account).toMatchObject({ state: 'complete', messages: { listed: 30, known: 12, appended: 18 } });
    expect(last.account.problems).toEqual([]);
    expect(await arrived()).toEqual(first(30));
    expect(fetched()).toEqual(mail.map(() => 1));
    await expectScriptedUntouched(pop);
  });
});

function expectRefused(ended: Ended, counts: object, text: RegExp): void {
  expect(ended.status, ended.stderr).toBe(3);
  expectReport(ended);
  expect(ended.account).toMatchObject({ state: 'incomplete', messages: { failed: 0, pending: 0, ...counts } });
  expect(ended.account.problems).toMatchObject([{ code: 'message-too-big', stops: 'message', count: 2 }]);
  expect(ended.account.problems[0]!.text).toMatch(text);
}

describe('a message that can never fit is refused alone', () => {
  const sizes = [3000, 150_000, 3000, 3000, 130_000, 3000];

  test.each([`${plain} MULTIAPPEND QUOTA`, plain])('quota_mail_size, %s', async (imapCapability) => {
    await servers(mailOf(sizes), 'quota_max_mail_size = 120K', { imapCapability });
    expectRefused(await rig.sync(list), { appended: 4, refused: 2 }, /1[35]0000 bytes/);
    expect((await arrived()).sort()).toEqual([0, 2, 3, 5]);
    expectRefused(await rig.sync(list), { known: 4, appended: 0, refused: 2 }, /1[35]0000 bytes/);
    expect((await arrived()).sort()).toEqual([0, 2, 3, 5]);
  });

  test('larger than the whole quota', async () => {
    await servers(mailOf(sizes), 'quota_rule = *:storage=120K');
    expectRefused(
      await rig.sync(list),
      { appended: 4, refused: 2 },
      /1[35]0000 bytes .* takes 122\.88 kB, the whole quota/,
    );
    expect(await arrived()).toEqual([0, 2, 3, 5]);
  });
});

test('not a byte is uploaded of what is known to be too large, or refused before its upload', async () => {
  const capabilities = [
    'IMAP4rev1',
    'AUTH=PLAIN',
    'UIDPLUS',
    'LITERAL+',
    'MULTIAPPEND',
    'QUOTA',
    'APPENDLIMIT=3000000',
  ];
  pop = await rig.pop({ messages: mailOf([500, 3_000_001, 2_500_000, 500, 1_500_000, 500]) });
  const imap = await rig.imap({
    capabilities,
    answer: (command) =>
      command.includes('GETQUOTAROOT')
        ? '* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 0 2400)\r\nTAG OK\r\n'
        : undefined,
    refuseBefore: ({ size }) => (size > 1_000_000 ? 'NO [TOOBIG] no' : undefined),
    keepBytes: true,
  });
  const ended = await rig.sync(await rig.list([scriptedRow(pop, imap)]));
  expect(ended.status, ended.stderr).toBe(3);
  expect(expectReport(ended).totals.messages).toMatchObject({ appended: 3, refused: 3, pending: 0 });
  expect(ended.account.problems).toMatchObject([{ code: 'message-too-big', count: 3 }]);
  expect(imap.stored('INBOX')).toHaveLength(3);
  // A few small messages and the commands.
  const received = imap.connections.reduce((sum, connection) => sum + connection.bytes().length, 0);
  expect(received).toBeLessThan(20_000);
});

test('a quota that counts messages', async () => {
  await servers(mail, 'quota_rule = *:messages=7');
  const full = await rig.sync(list);
  expectFull(full, 7);
  expect(full.account.problems[0]!.text).toContain('7 of 7 messages are used');
  expect(await arrived()).toEqual(first(7));
});

test('nothing more is downloaded for a full mailbox, and a spool full of its mail keeps nobody from going on', async () => {
  await servers(mail, 'quota_rule = *:storage=100K');
  await rig.settings({ spoolMaxBytes: '50000', batchMaxMessages: '2', popPipelineCommands: '2', popHoldMs: '60000' });
  expectFull(await rig.sync(list), 12);
  const before = fetched();
  expect(before.filter((count) => count === 0).length).toBeGreaterThan(0);
  expectFull(await rig.sync(list), 0, 12);
  expect(fetched()).toEqual(before);
  // Her batch stays; he gets all of his through beside it, as much of it as his quota takes.
  const both = await rig.list([row('ann'), row('bob')]);
  const { accounts } = expectReport(await rig.sync(both));
  expect(accounts.map(({ messages }) => messages.appended)).toEqual([0, 12]);
  await raise('storage=100K', 'storage=100M');
  const last = await rig.sync(both);
  expect(last.status, last.stderr).toBe(0);
  expect(expectReport(last).totals.messages).toMatchObject({ listed: 60, known: 24, appended: 36, pending: 0 });
  expect(await arrived('ann')).toEqual(first(30));
  expect(await arrived('bob')).toEqual(first(30));
  // Both of them have the same mail at the source.
  expect(fetched()).toEqual(mail.map(() => 2));
});

describe('the service goes on when there is room', () => {
  /** Waits until the account is paused, gives it room, and sees it finish. */
  async function finishes(
    settings: Readonly<Record<string, string>>,
    raised: (service: ServiceRig) => Promise<unknown>,
  ) {
    await servers(mail, 'quota_rule = *:storage=100K');
    await rig.settings(settings);
    const redis = await rig.redis();
    const service = await ServiceRig.make(rig, redis.url);
    const parts = [await service.start('scheduler,dashboard,pop,imap', service.controlDir, { list })];
    const paused = ([ann]: readonly AccountStatus[]) => ann?.state === 'waiting' && ann.messages.appended === 12;
    const [full] = await service.until(paused, ...parts);
    expect(JSON.stringify(full)).toContain('the mailbox of ann at 127.0.0.1 is full');
    await raise('storage=100K', 'storage=100M');
    await raised(service);
    const [done] = await service.until(([ann]) => ann?.state === 'complete', ...parts);
    expect(done!.messages).toMatchObject({ listed: 30, appended: 30, pending: 0 });
    expect(await service.api('accounts/ann')).toMatchObject({ problems: [] });
    expect(await arrived()).toEqual(first(30));
    expect(fetched()).toEqual(mail.map(() => 1));
    await stopAll(parts);
  }

  test('by itself, after quotaRecheckMs', () => finishes({ quotaRecheckMs: '700' }, async () => {}));

  test('at once, when somebody says retry', () =>
    finishes({}, async (service) => {
      expect((await service.client('retry', 'ann')).stdout).toContain('1 account(s) run again');
    }));
});
