/** Rules on real servers: lists of groups and accounts, templates, flags, skips, and a dry run that says the same before. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import type { PopBehaviour } from '../servers/scripted-pop3.ts';
import { all, mailboxContents } from '../servers/witness.ts';
import {
  dovecotRow,
  type Ended,
  expectReport,
  expectScriptedUntouched,
  expectUntouched,
  HaulRig,
  redisSay,
  scriptedRow,
} from './haul-rig.ts';

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

const lines: Readonly<Record<string, readonly string[]>> = {
  plain: ['From: you@example.net', 'To: ann@old.example'],
  own: ['From: Ann <USER>', 'To: you@example.net'],
  list: ['From: you@example.net', 'List-Id: Developers <dev.lists.example>'],
  spam: ['From: you@example.net', 'X-Spam-Flag: YES'],
  order: ['From: shop@example.net', 'Subject: =?utf-8?B?UkU6IG9yZGVyIDY2?='],
  grüße: ['From: you@example.net', 'Subject: =?iso-8859-1?Q?Viele_Gr=FC=DFe?='],
  state: ["Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA", 'X-IMAP: 1395000000 0000000001'],
};

/** The kinds above, the plain one in three years; the name of each is the beginning of its Message-ID. */
const mail = [
  ...Object.keys(lines).map((kind) => [kind, new Date().getUTCFullYear()] as const),
  ['plain', 2014],
  ['plain', 2003],
].map(([kind, year]) => {
  const date = `Received: by x; Tue, 4 Mar ${year} 10:25:30 +0100`;
  const id = `Message-ID: <${kind}.${year}@old.example>`;
  return {
    name: `${kind} ${year}`,
    bytes: Buffer.from([date, id, ...lines[kind as string]!, '', 'text', ''].join('\r\n')),
  };
});
const thisYear = new Date().getUTCFullYear();

const rules = {
  default: [
    'inherited',
    { name: 'lists', listId: true, to: 'Lists/{list-id}', flags: ['\\Flagged'], keywords: ['$list'] },
    'archive-by-year',
    { header: 'Subject', contains: 'viele grüße', seen: false, keywords: ['greeting'] },
  ],
  groups: { strict: [{ name: 'no spam', spam: true, skip: 'spam stays behind' }, 'inherited'] },
  accounts: {
    'cem@old.example': [
      { name: 'orders', header: 'Subject', matches: '^re: order [0-9]+$', to: 'Shop/Orders' },
      { not: { any: [{ listId: true }, { spam: true }] }, source: '127.0.0.1', to: 'From {source}' },
      'spam-to-junk',
    ],
  },
};

/** What a report calls the rules that skip. */
const [folderData, noSpam] = ['skip-folder-internal-data', 'no spam'].map((name) => `skipped by the rule ${name}`);

/** The same as the user has it: their own mail is theirs. */
function mailOf(user: string) {
  return mail.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes.toString().replace('USER', user)) }));
}

type Placed = Readonly<Record<string, string>>;
/** Where each message of the default list goes, with its flags behind it. */
const byDefault: Placed = {
  [`plain ${thisYear}`]: 'INBOX \\Seen',
  [`own ${thisYear}`]: 'Sent \\Seen',
  [`list ${thisYear}`]: 'Lists/dev.lists.example $list \\Flagged \\Seen',
  [`spam ${thisYear}`]: 'INBOX \\Seen',
  [`order ${thisYear}`]: 'INBOX \\Seen',
  [`grüße ${thisYear}`]: 'INBOX greeting',
  'plain 2014': 'Archive/2014 \\Seen',
  'plain 2003': 'Archive/2003 \\Seen',
};
const expected: Readonly<Record<string, Placed>> = {
  'ann@old.example': byDefault,
  'bob@old.example': Object.fromEntries(Object.entries(byDefault).filter(([name]) => !name.startsWith('spam'))),
  'cem@old.example': {
    ...Object.fromEntries(mail.map(({ name }) => [name, 'From 127.0.0.1 \\Seen'])),
    [`list ${thisYear}`]: 'INBOX \\Seen',
    [`spam ${thisYear}`]: 'Junk \\Seen',
    [`order ${thisYear}`]: 'Shop/Orders \\Seen',
  },
};
const users = Object.keys(expected);

function skippedOf(user: string): number {
  return mail.length - Object.keys(expected[user]!).length;
}

async function placed(server: Dovecot, user: string): Promise<Placed> {
  const messages = await all(mailboxContents({ port: server.imapPort, user, password: 'pw' }));
  return Object.fromEntries(
    messages.map(({ mailbox, flags, bytes }) => {
      const [, kind, year] = /<([^.]+)\.(\d+)@/.exec(bytes.toString())!;
      return [`${kind} ${year}`, [mailbox, ...flags.filter((flag) => flag !== '\\Recent').sort()].join(' ')];
    }),
  );
}

/** The counts of a list of placed messages, by mailbox. */
function counts(places: Placed): Record<string, number> {
  const found: Record<string, number> = {};
  for (const place of Object.values(places)) {
    const mailbox = mailboxIn(place);
    found[mailbox] = (found[mailbox] ?? 0) + 1;
  }
  return found;
}

/** What stands before the flags. */
function mailboxIn(place: string): string {
  return place.replace(/(?: (?:\\\w+|\$list|greeting))+$/, '');
}

function expectPlan(ended: Ended, rename: (name: string) => string): void {
  for (const { id, mailboxes, problems, messages } of expectReport(ended).accounts) {
    const renamed = Object.fromEntries(Object.entries(mailboxes).map(([name, count]) => [rename(name), count]));
    expect(renamed, id).toEqual(counts(expected[id]!));
    const skips = problems.filter(({ code }) => code === 'message-skipped').map(({ count, stops }) => [count, stops]);
    expect(skips, id).toEqual(skippedOf(id) === 0 ? [] : [[skippedOf(id), 'none']]);
    expect(messages.listed, id).toBe(mail.length);
    const skipping = problems.find(({ code }) => code === 'message-skipped')?.text.match(/skipped by the rule [^:]+/g);
    const named = { 'ann@old.example': [folderData], 'bob@old.example': [noSpam, folderData] }[id] ?? [];
    expect(new Set(skipping), id).toEqual(new Set(named));
  }
}

test('every message goes where the rules of its account say, and a dry run says so before', async () => {
  const redis = await rig.redis();
  const source = await rig.dovecot({ protocols: ['pop3'] });
  const specialUse = ['Sent', 'Junk', 'Archive'] as const;
  const destination = await rig.dovecot({ protocols: ['imap'], storage: 'mdbox', specialUse });
  for (const user of users) await deliver({ server: source, user }, mailOf(user));
  await rig.settings({ redis: redis.url, rules: JSON.stringify(rules) });
  const group = (user: string) => (user.startsWith('bob') ? 'strict' : '');
  const list = await rig.list(
    users.map((user) => dovecotRow(source, destination, user, { id: user, group: group(user) })),
  );
  const dry = await rig.sync(list, ['--json', '--dry-run']);
  expect(dry.status).toBe(3);
  expectPlan(dry, (name) => name.replace(/^\\/, ''));
  expect(dry.stdout).not.toContain('placement-unknown');
  for (const user of users) expect(await placed(destination, user)).toEqual({});

  const ended = await rig.sync(list);
  expect(ended.status, ended.stderr).toBe(0);
  expectPlan(ended, (name) => name);
  for (const { id, messages } of ended.report.accounts) {
    expect(await placed(destination, id), id).toEqual(expected[id]);
    const skipped = skippedOf(id);
    expect(messages).toMatchObject({ known: skipped, appended: mail.length - skipped, pending: 0, refused: 0 });
  }

  // What was skipped is known from now on.
  const again = await rig.sync(list);
  for (const { messages, bytes, problems } of expectReport(again).accounts) {
    expect(messages).toMatchObject({ known: mail.length, appended: 0 });
    expect([bytes.downloaded, problems]).toEqual([0, []]);
  }
  const rows = join(rig.directory, 'messages.csv');
  const verified = await rig.haul([...verifyWords(list), '--messages', rows]).ended;
  expect(verified.status, verified.stdout).toBe(0);
  expect(expectReport(verified).totals.messages).toMatchObject({ known: mail.length * users.length });

  const skips = (await readFile(rows, 'utf8')).split('\n').filter((line) => line.includes('skipped by the rule'));
  expect(skips).toHaveLength(users.reduce((sum, user) => sum + skippedOf(user), 0));

  // A Redis that forgot everything: headers find what is there already, in whichever mailbox it is.
  await redisSay(redis, 'FLUSHALL');
  const afterFlush = await rig.sync(list);
  expect(afterFlush.status, afterFlush.stdout).toBe(0);
  for (const { id, messages, bytes } of expectReport(afterFlush).accounts) {
    const skipped = skippedOf(id);
    const absent = mailOf(id).filter(({ name }) => expected[id]![name] === undefined);
    expect(bytes.downloaded, id).toBe(absent.reduce((sum, one) => sum + one.bytes.length, 0));
    expect(messages, id).toMatchObject({ appended: 0, duplicate: mail.length - skipped, known: skipped });
    expect(await placed(destination, id), id).toEqual(expected[id]);
  }
  for (const user of users) await expectUntouched({ port: source.popPort, user, password: 'pw' }, mail.length);
});

function verifyWords(list: string): string[] {
  return ['verify', list, '--json', '--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];
}

describe('a dry run', () => {
  const messages = mailOf('ann@old.example').map(({ name, bytes }) => ({ uidl: name.replaceAll(/\W/g, '_'), bytes }));

  test.each<[string, PopBehaviour, Record<string, string>, string]>([
    ['has no TOP', { capabilities: ['UIDL', 'USER'] }, {}, 'the source has no TOP'],
    ['is not to be asked for headers', {}, { popProbe: 'false' }, 'popProbe'],
    ['refuses one header', { replies: { 'TOP 3 0': '-ERR no\r\n' } }, {}, 'no header of 1 message(s)'],
    ['falls away', { dropAt: 'TOP 3 0' }, {}, 'connection'],
  ])('of a source that %s says that it cannot tell', async (_, behaviour, settings, reason) => {
    await rig.settings(settings);
    const pop = await rig.pop({ messages, ...behaviour });
    const ended = await rig.sync(await rig.list([scriptedRow(pop, { port: 1 })]), ['--json', '--dry-run']);
    expect(ended.status, ended.stderr).toBe(3);
    const { account } = { account: expectReport(ended).accounts[0]! };
    expect(account.messages).toMatchObject({ listed: mail.length, pending: mail.length });
    const [problem] = account.problems.filter(({ code }) => code === 'placement-unknown');
    expect(problem).toMatchObject({ stops: 'none', text: expect.stringContaining(reason) });
  });

  test('knows the size of each message by the listing, though a header before it is refused', async () => {
    await rig.settings({ rules: '{default: [{spam: true, minBytes: 5000, to: Large}]}' });
    const large = Buffer.concat([messages[3]!.bytes, Buffer.alloc(6000, 'x\r\n')]);
    const pop = await rig.pop({
      messages: messages.with(3, { uidl: 'large', bytes: large }),
      replies: { 'TOP 2 0': '-ERR no\r\n' },
    });
    const ended = await rig.sync(await rig.list([scriptedRow(pop, { port: 1 })]), ['--json', '--dry-run']);
    expect(ended.account.mailboxes).toEqual({ Large: 1, INBOX: mail.length - 2 });
  });

  test('fetches no message, and with --placement inbox all goes to one mailbox', async () => {
    const pop = await rig.pop({ messages });
    const row = scriptedRow(pop, { port: 1 }, { id: 'ann@old.example', imap_mailbox: 'Old' });
    const ended = await rig.sync(await rig.list([row]), ['--json', '--dry-run', '--placement', 'inbox']);
    expect(ended.account.mailboxes).toEqual({ Old: mail.length - 1 });
    expect(pop.transcript.filter((line) => line.startsWith('RETR'))).toEqual([]);
    const people = await rig.sync(await rig.list([row]), ['--dry-run']);
    expect(people.stdout).toContain(`Would go to: Old ${mail.length - 2}, \\Sent 1.`);
    expect(people.stdout).toContain('message-skipped');
    expect(people.stderr).toContain(
      `1/1 ann@old.example: ${mail.length} listed, ${mail.length} to come: message-skipped\n`,
    );
    const quiet = await rig.sync(await rig.list([row]), ['--dry-run', '--quiet']);
    expect(quiet.stderr).toBe('');
    await expectScriptedUntouched(pop);
    await rig.settings({ rules: '{groups: {wave-9: []}, accounts: {ann: []}}' });
    const warned = await rig.sync(await rig.list([row]), ['--dry-run']);
    expect(warned.stderr).toContain('rules names the group wave-9, the account ann, which');
    const wrong = await rig.sync(await rig.list([row]), ['--dry-run', '--placement', 'outbox']);
    expect(wrong.status).toBe(10);
    expect(wrong.stderr).toContain('--placement: placement is "outbox"');
  });
});
