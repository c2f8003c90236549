/** `mailhaul verify` finds what is wrong and names it, says when nothing is, and touches nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { hexDigest } from '../../src/ground/digest.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { connectRedis, type RedisHandle } from '../../src/ground/redis.ts';
import { recordBytes, uidlKey } from '../../src/ledger/record.ts';
import { Lease, loginKey } from '../../src/limits/lease.ts';
import { chooseAccounts } from '../../src/operations/choose-accounts.ts';
import { madeMail } from '../servers/made-mail.ts';
import type { RedisServer } from '../servers/redis.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { all, mailboxContents, popContents, popList } from '../servers/witness.ts';
import { dovecotRow, type Ended, expectReport, filesWith, type Haul, HaulRig, scriptedRow } from './haul-rig.ts';

const limits = { redisStartTimeoutMs: 20_000, redisLostAfterMs: 20_000 };
const note = (n: number, body = `text of note ${n}`) =>
  Buffer.from(`Message-ID: <note-${n}@x>\r\nFrom: a@x\r\nSubject: note ${n}\r\n\r\n${body}\r\n`);
const notes = Array.from({ length: 12 }, (_, n) => note(n));

let rig: HaulRig;
let redis: RedisServer;
let handle: RedisHandle;
let list: string;

async function prepare(): Promise<void> {
  rig = await HaulRig.make();
  redis = await rig.redis();
  handle = await connectRedis(redis.url, limits);
  rig.atEnd(() => handle.close());
}

function startVerify(...args: string[]): Haul {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir, '--redis', redis.url];
  return rig.haul(['verify', list, ...fixed, ...args]);
}

function verify(...args: string[]): Promise<Ended> {
  return startVerify(...args).ended;
}

async function sync(): Promise<Ended> {
  return rig.sync(list, ['--json', '--redis', redis.url]);
}

/** The one account key that Redis knows. */
async function onlyAccount(): Promise<string> {
  const [key = ''] = await handle.client.keys(`${accountKeys.ledger('*').replace(/[{}]/g, '?')}`);
  return /\{([0-9a-f]{32})\}/.exec(key)![1]!;
}

/** Takes the records of a unique id out of the ledger, as if they had never been written. */
async function forget(account: string, uidl: string): Promise<void> {
  const page = accountKeys.ledgerPage(account, 0);
  const records = (await handle.client.getBuffer(page))!;
  const kept: Buffer[] = [];
  for (let at = 0; at < records.length; at += recordBytes) {
    if (!records.subarray(at, at + 10).equals(uidlKey(Buffer.from(uidl))))
      kept.push(records.subarray(at, at + recordBytes));
  }
  expect(kept).toHaveLength(records.length / recordBytes - 1);
  await handle.client.set(page, Buffer.concat(kept));
}

describe('from Dovecot to Dovecot', () => {
  const users = [
    'ann@example.com',
    'bob@example.com',
    'cem@example.com',
    'dia@example.com',
    'eve@example.com',
  ] as const;
  const [ann, bob, cem, dia, eve] = users;
  let source: Dovecot;
  let destination: Dovecot;

  const there = (user: string) => all(mailboxContents({ port: destination.imapPort, user, password: 'pw' }));
  const here = (user: string) => all(popContents({ port: source.popPort, user, password: 'pw' }));
  const digested = (messages: { bytes: Buffer }[]) =>
    messages.map((message) => ({ ...message, bytes: hexDigest(16, message.bytes) }));
  /** Every message with its flags and its place, on both sides. */
  const everything = async () => ({
    here: digested((await Promise.all(users.map(here))).flat()),
    there: digested((await Promise.all(users.map(there))).flat()),
  });
  const problemsOf = (ended: Ended, user: string) => ended.report.accounts.find(({ id }) => id === user)!.problems;
  const codesOf = (ended: Ended, user: string) => problemsOf(ended, user).map(({ code, count }) => `${code} ${count}`);
  const textOf = (ended: Ended, user: string) => problemsOf(ended, user)[0]!.text;

  beforeAll(async () => {
    await prepare();
    source = await rig.dovecot({ protocols: ['pop3'] });
    destination = await rig.dovecot({ protocols: ['imap'] });
    for (const user of users) {
      const mail = user === eve ? madeMail(user).map(({ bytes }) => bytes) : notes;
      await deliver(
        { server: source, user },
        mail.map((bytes) => ({ bytes })),
      );
    }
    list = await rig.list(users.map((user) => dovecotRow(source, destination, user, { id: user })));
    expect((await sync()).status).toBe(0);
  });

  afterAll(() => rig.end());

  test.each([[[]], [['--deep']]])('everything is proven with %j, and nothing is changed', async (args) => {
    const before = await everything();
    const ended = await verify('--json', ...args);
    const report = expectReport(ended);
    expect(ended.stderr).toContain('5/5 ');
    for (const { state, problems } of report.accounts)
      expect({ state, problems }).toEqual({ state: 'complete', problems: [] });
    expect(ended.status).toBe(0);
    const { listed, known } = report.totals.messages;
    expect(listed).toBe(before.here.length);
    expect(known).toBe(listed);
    // An altered header would be counted here; Dovecot alters none.
    expect(report.accounts.map(({ rewritten }) => rewritten)).toEqual([0, 0, 0, 0, 0]);
    expect(await everything()).toEqual(before);
  });

  test('what a user moved and what is gone from the source is proven too', async () => {
    await destination.doveadm(['mailbox', 'create', '-u', eve, 'Archive']);
    await destination.doveadm(['move', '-u', eve, 'Archive', 'mailbox', 'INBOX', 'header', 'Subject', 'plain']);
    const listed = (await here(eve)).length;
    await source.doveadm(['expunge', '-u', eve, 'mailbox', 'INBOX', '1:10']);
    const rows = await rig.file('moved.csv', '');
    for (const args of [[], ['--deep']]) {
      const ended = await verify('--json', '--account', eve, '--messages', rows, ...args);
      expect(ended.account.problems).toEqual([]);
      expect(ended.account.messages).toMatchObject({ listed, known: listed });
      expect(ended.status).toBe(0);
      const moved = readFileSync(rows, 'utf8')
        .split('\r\n')
        .filter((line) => line.includes(',moved,'));
      expect(moved.length).toBeGreaterThan(0);
      expect(moved.every((line) => /,Archive,\d+,\d+,moved,delivered to INBOX UID \d+,[0-9a-f]*$/.test(line))).toBe(
        true,
      );
    }
  });

  test('each of the four faults is found and named', async () => {
    const uidls = new Map<string, string[]>();
    for (const user of users) {
      uidls.set(user, (await popList({ port: source.popPort, user, password: 'pw' })).uidls);
    }
    await destination.doveadm(['expunge', '-u', ann, 'mailbox', 'INBOX', 'header', 'Subject', 'note 3']);
    const inbox = join(destination.mailRoot, bob, 'Maildir');
    const [file = ''] = await filesWith(join(inbox, 'cur'), 'text of note 4', ['index.log']);
    const altered = readFileSync(join(inbox, 'cur', file))
      .toString('latin1')
      .replace('text of', 'TEXT OF');
    writeFileSync(join(inbox, 'cur', file), altered, 'latin1');
    await destination.doveadm(['copy', '-u', cem, 'INBOX', 'mailbox', 'INBOX', 'header', 'Subject', 'note 5']);
    const account = await accountOf(dia);
    await forget(account, uidls.get(dia)![6]!);

    const rows = join(rig.directory, 'rows.csv');
    const quick = await verify('--json', '--messages', rows);
    expectReport(quick);
    expect(quick.status).toBe(3);
    expect(codesOf(quick, ann)).toEqual(['verify-missing 1']);
    const named = (user: string, n: number) => [`UIDL ${uidls.get(user)![n]}`, `<note-${n}@x>`, `note ${n}”`];
    for (const part of [...named(ann, 3), 'INBOX UID 4', 'still has it']) expect(textOf(quick, ann)).toContain(part);
    // Same headers, same size: only content tells.
    expect(codesOf(quick, bob)).toEqual([]);
    expect(codesOf(quick, cem)).toEqual(['verify-doubled 1']);
    for (const part of [...named(cem, 5), 'also at INBOX UID 13']) expect(textOf(quick, cem)).toContain(part);
    expect(codesOf(quick, dia)).toEqual(['verify-unrecorded 1']);
    for (const part of named(dia, 6)) expect(textOf(quick, dia)).toContain(part);
    expect(codesOf(quick, eve)).toEqual([]);
    const lines = readFileSync(rows, 'utf8').split('\r\n');
    expect(lines[0]).toBe('account,uidl,message_id,mailbox,uid,size,verdict,reason,sha256');
    expect(lines).toHaveLength(quick.report.totals.messages.listed + 2);
    expect(lines.filter((line) => line.startsWith('ann')).map((line) => line.split(',')[6])).toEqual(
      notes.map((_, n) => (n === 3 ? 'missing' : 'present')),
    );
    expect(lines).toContain(
      `${cem},${uidls.get(cem)![5]},<note-5@x>,INBOX,6,${notes[5]!.length},doubled,also at INBOX UID 13,`,
    );

    const deep = await verify('--json', '--deep');
    expectReport(deep);
    expect(deep.status).toBe(3);
    expect(users.map((user) => codesOf(deep, user))).toEqual([
      ['verify-missing 1'],
      ['verify-altered 1'],
      ['verify-doubled 1'],
      ['verify-unrecorded 1'],
      [],
    ]);
    for (const part of [...named(bob, 4), 'INBOX UID 5']) expect(textOf(deep, bob)).toContain(part);

    const text = await verify('--deep', '--quiet');
    expect(text.stderr).toBe('');
    expect(text.stdout).toContain(`${bob}: NOT PROVEN: altered 1, of 12 message(s) (content compared)\n`);
    expect(text.stdout).toContain('1 of 5 account(s) proven');
    expect(text.stdout).toContain(`${ann}: verify-missing\n`);
  });

  test('what the source got since is pending, and the next sync makes it known', async () => {
    await deliver({ server: source, user: dia }, [{ bytes: note(50) }]);
    const before = await verify('--json', '--account', dia);
    expect(codesOf(before, dia)).toEqual(['verify-unrecorded 1', 'verify-pending 1']);
    expect(before.account.messages).toMatchObject({ listed: 13, known: 11, pending: 2 });
    expect(before.status).toBe(3);
    await rig.sync(list, ['--json', '--redis', redis.url, '--account', dia]);
    const after = await verify('--json', '--account', dia);
    expect(after.account.messages).toMatchObject({ listed: 13, known: 13 });
    expect(after.status).toBe(0);
  });

  test('a source in use is named busy, and the account does not pass', async () => {
    const login = loginKey('pop', { host: '127.0.0.1', port: source.popPort, user: ann });
    const lease = (await Lease.take(handle.client, login, 60_000))!;
    const ended = await verify('--json', '--account', ann, dia);
    await lease.release();
    expect(codesOf(ended, ann)).toEqual(['account-busy 1']);
    expect(ended.report.accounts.map(({ state }) => state)).toEqual(['failed', 'complete']);
    expect(ended.status).toBe(3);
  });

  async function accountOf(user: string): Promise<string> {
    const [account] = await chooseAccounts(list, { account: [user] }, { defaults: {}, providersFile: null }, () => {});
    return account!.key;
  }
});

describe('with scripted servers', () => {
  let pop: ScriptedPop3;
  const listing = () => notes.map((bytes, n) => ({ bytes, uidl: `u${n}` }));

  beforeEach(async () => {
    await prepare();
    pop = await rig.pop({ messages: listing() });
  });

  afterEach(() => rig.end());

  async function haulTo(behaviour: Parameters<HaulRig['imap']>[0] = {}) {
    const imap = await rig.imap(behaviour);
    list = await rig.list([scriptedRow(pop, imap)]);
    await sync();
    pop.transcript.length = 0;
    imap.connections.length = 0;
    return imap;
  }

  const verbs = (lines: readonly string[]) => [...new Set(lines.map((line) => line.trim().split(' ')[0]!))].sort();

  test('only reads: TOP and QUIT, or with --deep RETR and no QUIT; EXAMINE and FETCH of what marks nothing', async () => {
    const imap = await haulTo();
    expect((await verify()).status).toBe(0);
    expect(verbs(pop.transcript)).toEqual(['AUTH', 'CAPA', 'LIST', 'NOOP', 'QUIT', 'TOP', 'UIDL']);
    pop.transcript.length = 0;
    expect((await verify('--deep')).status).toBe(0);
    expect(verbs(pop.transcript)).toEqual(['AUTH', 'CAPA', 'LIST', 'NOOP', 'RETR', 'UIDL']);
    const commands = imap.connections.flatMap((connection) => connection.commands);
    expect(commands.filter((command) => /SELECT|STORE|APPEND|CREATE|EXPUNGE|COPY|MOVE|CLOSE/i.test(command))).toEqual(
      [],
    );
    const fetches = commands.filter((command) => /FETCH/i.test(command));
    expect(fetches.length).toBeGreaterThan(notes.length);
    expect(fetches.filter((command) => /BODY\[|RFC822[^.]/i.test(command))).toEqual([]);
  });

  test('a refused message is named with the answer of the destination', async () => {
    await haulTo({ refuse: ({ bytes }) => (bytes.includes('note 7') ? 'NO [LIMIT] not this one' : undefined) });
    const ended = await verify('--json');
    expect(ended.account.messages).toMatchObject({ listed: 12, known: 11, refused: 1 });
    expect(ended.account.problems.map(({ code }) => code)).toEqual(['verify-refused']);
    expect(ended.account.problems[0]!.text).toMatch(/UIDL u7, Message-ID <note-7@x>, “note 7” \(.*not this one\)/);
    expect(ended.status).toBe(3);
  });

  test('another size gives an altered message away without --deep', async () => {
    const imap = await haulTo();
    imap.mailboxes.get('INBOX')!.messages[2]!.bytes = note(2, 'something else of another length');
    const ended = await verify('--json');
    expect(ended.account.problems.map(({ code, count }) => [code, count])).toEqual([['verify-altered', 1]]);
    expect(ended.account.problems[0]!.text).toContain('UIDL u2');
    // Fetching it was asked for by the doubt alone, and the session ended without QUIT.
    expect(pop.transcript.filter((line) => line.startsWith('RETR'))).toHaveLength(1);
  });

  test('what the destination did to a header is counted, and is no fault', async () => {
    const imap = await haulTo();
    for (const message of imap.mailboxes.get('INBOX')!.messages) {
      message.bytes = Buffer.concat([Buffer.from('X-Scanned: by a gateway\r\n'), message.bytes]);
    }
    const ended = await verify('--json');
    expect(ended.account).toMatchObject({ state: 'complete', rewritten: notes.length, problems: [] });
    expect(ended.status).toBe(0);
  });

  test('what is gone from the source is held against its digest', async () => {
    const imap = await haulTo();
    pop.behaviour.messages!.splice(0, 3);
    const inbox = imap.mailboxes.get('INBOX')!;
    inbox.messages[0]!.bytes = note(0, 'TEXT of note 0');
    imap.addMailbox('Old');
    imap.store('Old', inbox.messages[1]!.bytes);
    inbox.messages.splice(1, 1);
    const quick = await verify('--json');
    expect(quick.account).toMatchObject({ state: 'complete', messages: { listed: 12, known: 12 } });
    const deep = await verify('--json', '--deep');
    expect(deep.account.problems.map(({ code, count }) => [code, count])).toEqual([['verify-unproven', 1]]);
    expect(deep.account.problems[0]!.text).toContain('Message-ID <note-0@x>, INBOX UID 1');
    inbox.messages.shift();
    const gone = await verify('--json');
    expect(gone.account.problems.map(({ code, count }) => [code, count])).toEqual([['verify-missing', 1]]);
    expect(gone.account.problems[0]!.text).toContain('INBOX UID 1 (the source does not list it any more)');
  });

  test('a source without unique ids is read whole', async () => {
    for (const message of pop.behaviour.messages!) message.uidl = undefined;
    await haulTo();
    const ended = await verify('--json');
    expect(ended.account).toMatchObject({ state: 'complete', messages: { listed: 12, known: 12 }, problems: [] });
    expect(verbs(pop.transcript)).not.toContain('QUIT');
  });

  test('a source without TOP is read whole', async () => {
    pop.behaviour.replies = { TOP: '-ERR what?\r\n' };
    await haulTo();
    expect((await verify('--json')).account).toMatchObject({ state: 'complete', messages: { listed: 12, known: 12 } });
    expect(pop.transcript.filter((line) => line.startsWith('RETR'))).toHaveLength(12);
  });

  test('an interrupted proof ends at once, says what it could not do, and is none', async () => {
    await haulTo();
    pop.behaviour.hangAt = 'TOP';
    const rows = join(rig.directory, 'rows.csv');
    const running = startVerify('--json', '--messages', rows);
    await rig.reaches(() => pop.transcript.some((line) => line.startsWith('TOP')), running);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(expectReport(ended).accounts[0]).toMatchObject({ state: 'failed' });
    expect(ended.status).toBe(130);
    expect(readFileSync(rows, 'utf8').split('\r\n')).toHaveLength(2);
  });

  test('a damaged ledger is a ledger that lacks messages', async () => {
    await haulTo();
    await handle.client.del(accountKeys.ledgerPage(await onlyAccount(), 0));
    const ended = await verify('--json');
    expect(ended.account.messages).toMatchObject({ listed: 12, known: 0, pending: 12 });
    expect(ended.account.problems[0]).toMatchObject({ code: 'verify-unrecorded', count: 12 });
    expect(ended.account.problems[0]!.text).toContain('and 7 more');
  });

  test('a refused password is told by status 12, an unwritable file by its own error', async () => {
    const imap = await haulTo();
    const unwritable = await verify('--messages', join(rig.directory, 'no', 'rows.csv'));
    expect(unwritable.stderr).toContain('verify-file');
    expect(unwritable.status).toBe(1);
    imap.behaviour = { login: () => 'NO [AUTHENTICATIONFAILED] no' };
    const ended = await verify('--json');
    expect(expectReport(ended).accounts[0]).toMatchObject({ state: 'failed' });
    expect(ended.status).toBe(12);
  });
});
