import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { realMail } from '../../src/demo/real-mail.ts';
import { madeMail } from '../servers/made-mail.ts';
import { all, compareMailboxes, mailboxContents, popContents } from '../servers/witness.ts';
import {
  dovecotRow,
  type Ended,
  expectReport,
  expectScriptedUntouched,
  expectUntouched,
  filesWith,
  HaulRig,
  scriptedRow,
} from './haul-rig.ts';

const users = ['ann', 'bob', 'cem', 'dia', 'eve'];
const each = 12;
const refusedLogin = { state: 'failed', messages: { listed: 0, appended: 0 } };

let rig: HaulRig;
let source: Dovecot;
let destination: Dovecot;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

/** Two Dovecots, and a dozen real messages for each user. */
async function twoDovecots(passwords: Readonly<Record<string, string>> = {}): Promise<void> {
  const login = Object.fromEntries(users.map((user) => [user, passwords[user] ?? 'pw']));
  source = await rig.dovecot({ protocols: ['pop3'], users: login });
  destination = await rig.dovecot({ protocols: ['imap'], users: login });
  const mail = await all(realMail({ limit: users.length * each }));
  for (const user of users) await deliver({ server: source, user }, mail.splice(0, each));
}

/** Everything of these users is there and the same, and the others have nothing. */
async function expectArrived(arrived: readonly string[], password = 'pw'): Promise<void> {
  for (const user of users) {
    const from = { port: source.popPort, user, password };
    await expectUntouched(from, each);
    const to = { port: destination.imapPort, user, password };
    const sides = await compareMailboxes(popContents(from), mailboxContents(to));
    const count = arrived.includes(user) ? each : 0;
    expect({ user, ...sides }).toMatchObject({ destination: count, exact: count, extra: 0, doubled: 0 });
  }
}

function stateOf(ended: Ended): Record<string, string> {
  return Object.fromEntries(ended.report.accounts.map(({ id, state }) => [id, state]));
}

describe('a list of five lines, on a Redis that was started by hand', () => {
  test('one wrong password: four complete, one explained, and the corrected list carries the fifth', async () => {
    await twoDovecots();
    const redis = await rig.redis();
    const rows = users.map((user) => dovecotRow(source, destination, user, { id: user }));
    const wrong = rows.map((row) => (row['id'] === 'cem' ? { ...row, pop_password: 'not-this' } : row));
    const args = ['--json', '--redis', redis.url];

    const ended = await rig.sync(await rig.list(wrong), args);
    expect(ended.status).toBe(3);
    const report = expectReport(ended);
    const others = users.filter((user) => user !== 'cem');
    expect(stateOf(ended)).toEqual({ ...Object.fromEntries(others.map((user) => [user, 'complete'])), cem: 'failed' });
    const cem = report.accounts.find(({ id }) => id === 'cem')!;
    expect(cem).toMatchObject(refusedLogin);
    expect(cem.problems).toMatchObject([{ code: 'credentials-refused', stops: 'account', count: 1 }]);
    expect(cem.problems[0]!.text).toContain('cem');
    expect(cem.problems[0]!.remedy).toContain('password');
    await expectArrived(others);

    const text = await rig.sync(join(rig.directory, 'accounts.csv'), ['--redis', redis.url]);
    expect(text.status).toBe(3);
    expect(text.stdout).toMatch(/cem: credentials-refused[\s\S]*→ Correct user name and password/);

    const right = await rig.sync(await rig.list(rows), args);
    expect(right.status).toBe(0);
    expect(right.report.totals.messages).toMatchObject({ appended: each, known: 4 * each });
    await expectArrived(users);
  });

  test('a wrong password at the destination: nothing is lost, and the corrected list carries it', async () => {
    await twoDovecots();
    const rows = users.slice(0, 2).map((user) => dovecotRow(source, destination, user, { id: user }));
    const wrong = rows.map((row) => (row['id'] === 'ann' ? { ...row, imap_password: 'not-this' } : row));
    const ended = await rig.sync(await rig.list(wrong));
    expect(ended.status).toBe(3);
    expect(stateOf(ended)).toEqual({ ann: 'failed', bob: 'complete' });
    const ann = expectReport(ended).accounts[0]!;
    expect(ann.problems).toMatchObject([{ code: 'credentials-refused' }]);
    expect(ann.messages).toMatchObject({ listed: each, appended: 0, pending: each });
    await expectArrived(['bob']);
    expect((await rig.sync(await rig.list(rows))).status).toBe(0);
    await expectArrived(['ann', 'bob']);
  });

  test('all lines wrong: 12', async () => {
    await twoDovecots();
    const rows = users.map((user) => dovecotRow(source, destination, user, { id: user, pop_password: 'not-this' }));
    const ended = await rig.sync(await rig.list(rows));
    expect(ended.status).toBe(12);
    expectReport(ended);
    expect(new Set(Object.values(stateOf(ended)))).toEqual(new Set(['failed']));
    await expectArrived([]);
  });
});

describe('a refused password', () => {
  const messages = [{ bytes: Buffer.from('Message-ID: <a@x>\r\n\r\nbody\r\n'), uidl: 'a' }];

  test.each([
    ['USER and PASS', ['USER', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE']],
    ['SASL too', ['USER', 'SASL PLAIN', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE']],
  ])('of a source with %s is tried twice over all runs, and a changed one at once', async (_, capabilities) => {
    const pop = await rig.pop({ messages, capabilities });
    const imap = await rig.imap();
    const wrong = await rig.list([scriptedRow(pop, imap, { pop_password: 'old' })]);
    for (let run = 0; run < 4; run += 1) {
      const ended = await rig.sync(wrong);
      expect(ended.status).toBe(12);
      expect(ended.account.problems).toMatchObject([{ code: 'credentials-refused' }]);
      expect([...pop.seen('PASS'), ...pop.seen('AUTH')]).toHaveLength(Math.min(run + 1, 2));
    }
    expect((await rig.sync(await rig.list([scriptedRow(pop, imap)]))).status).toBe(0);
    expect(imap.stored()).toEqual(messages.map(({ bytes }) => bytes));
    await expectScriptedUntouched(pop);
  });

  test('of the destination is tried twice over all runs, and a changed one at once', async () => {
    const pop = await rig.pop({ messages });
    let logins = 0;
    const login = (_user: string, password: string) => {
      if (password === 'pw') return undefined;
      logins += 1;
      return 'NO [AUTHENTICATIONFAILED] wrong';
    };
    const imap = await rig.imap({ login });
    const wrong = await rig.list([scriptedRow(pop, imap, { imap_password: 'old' })]);
    for (let run = 0; run < 4; run += 1) {
      const ended = await rig.sync(wrong);
      expect(ended.status).toBe(12);
      expect(ended.account.messages).toMatchObject({ listed: 1, pending: 1 });
    }
    expect(logins).toBeLessThanOrEqual(2);
    expect((await rig.sync(await rig.list([scriptedRow(pop, imap)]))).status).toBe(0);
    expect(imap.stored()).toEqual(messages.map(({ bytes }) => bytes));
    await expectScriptedUntouched(pop);
  });
});

describe('options', () => {
  test('--account and --group select lines', async () => {
    await twoDovecots();
    const list = await rig.list(
      users.map((user, at) => dovecotRow(source, destination, user, { id: user, group: at < 3 ? 'wave-1' : 'wave-2' })),
    );
    const one = await rig.sync(list, ['--json', '--account', 'bob']);
    expect(stateOf(one)).toEqual({ bob: 'complete' });
    await expectArrived(['bob']);
    const wave = await rig.sync(list, ['--json', '--group', 'wave-2']);
    expect(stateOf(wave)).toEqual({ dia: 'complete', eve: 'complete' });
    expect(wave.report.accounts.map(({ group }) => group)).toEqual(['wave-2', 'wave-2']);
    await expectArrived(['bob', 'dia', 'eve']);
    const nobody = await rig.sync(list, ['--json', '--account', 'zoe']);
    expect(nobody).toMatchObject({ status: 2, stdout: '' });
    expect(nobody.stderr).toContain('zoe');
  });

  test('--dry-run writes nothing, and the sync after it carries everything', async () => {
    await twoDovecots();
    const list = await rig.list(users.map((user) => dovecotRow(source, destination, user, { id: user })));
    await destination.stop();
    const dry = await rig.sync(list, ['--json', '--dry-run']);
    expect(dry.status).toBe(3);
    const total = users.length * each;
    expect(expectReport(dry).totals.messages).toMatchObject({ listed: total, pending: total, appended: 0 });
    await destination.restart();
    await expectArrived([]);
    const real = await rig.sync(list);
    expect(real.status).toBe(0);
    expect(real.report.totals.messages).toMatchObject({ appended: total, known: 0 });
    await expectArrived(users);
    const again = await rig.sync(list, ['--json', '--dry-run']);
    expect(again.status).toBe(0);
    expect(expectReport(again).totals.messages).toMatchObject({ listed: total, known: total, pending: 0 });
    const messages = await all(mailboxContents({ port: destination.imapPort, user: 'ann', password: 'pw' }));
    expect(messages.every(({ flags }) => flags.includes('\\Seen'))).toBe(true);
  });

  test('--quiet prints nothing on standard error, and without it there is progress', async () => {
    await twoDovecots();
    const list = await rig.list([dovecotRow(source, destination, 'ann', { id: 'ann' })]);
    const quiet = await rig.sync(list, ['--quiet']);
    expect(quiet).toMatchObject({ status: 0, stderr: '' });
    expect(quiet.stdout).toContain(`listed ${each} = known 0 + appended ${each} +`);
    const loud = await rig.sync(list, ['--json']);
    expect(loud.stderr).toContain('ann: complete');
    expectReport(loud);
    await expectArrived(['ann']);
  });
});

describe('passwords', () => {
  const canary = 'cAnArY-7f3a';

  test('come from variables, files and commands, and stand nowhere afterwards', async () => {
    const secret = { ann: `${canary}-env`, bob: `${canary}-file`, cem: `${canary}-literal`, dia: `${canary}-command` };
    await twoDovecots(secret);
    const redis = await rig.redis();
    await rig.file('bob.txt', `${secret.bob}\n`);
    await rig.file('dia.txt', `${secret.dia}\n`);
    const passwords = { ann: 'env:ANN_PW', bob: 'file:bob.txt', cem: secret.cem, dia: 'command:cat dia.txt' };
    const rows = Object.entries(passwords).map(([user, password]) =>
      dovecotRow(source, destination, user, { id: user, pop_password: password, imap_password: password }),
    );
    const refused = dovecotRow(source, destination, 'eve', { id: 'eve', pop_password: `${canary}-wrong` });
    const list = await rig.list([...rows, refused]);
    for (const where of [['--redis', redis.url], []]) {
      const haul = rig.startSync(list, ['--json', '--log-level', 'trace', ...where], { ANN_PW: secret.ann });
      const argv = await readFile(`/proc/${haul.child.pid}/cmdline`, 'utf8').catch(() => '');
      const ended = await haul.ended;
      expect(ended.status).toBe(3);
      expect(stateOf(ended)).toMatchObject({ ann: 'complete', bob: 'complete', cem: 'complete', dia: 'complete' });
      for (const text of [ended.stdout, ended.stderr, argv]) expect(text).not.toContain(canary);
    }
    // Redis keeps every command that changed something in its append-only file, and the log is a file too.
    expect(await filesWith(rig.dataDir, '"time"')).not.toEqual([]);
    expect(await filesWith(rig.directory, 'mh-queue:')).not.toEqual([]);
    const found = await filesWith(rig.directory, canary, ['bob.txt', 'dia.txt', 'accounts.csv']);
    expect(found).toEqual([]);
    for (const [user, password] of Object.entries(secret)) {
      await expectUntouched({ port: source.popPort, user, password }, each);
      const sides = await compareMailboxes(
        popContents({ port: source.popPort, user, password }),
        mailboxContents({ port: destination.imapPort, user, password }),
      );
      expect(sides).toMatchObject({ source: each, exact: each, destination: each });
    }
  });

  test('stand in no message of an error, whatever the server says', async () => {
    const pop = await rig.pop({
      messages: madeMail()
        .slice(0, 1)
        .map(({ bytes }) => ({ bytes, uidl: 'a' })),
      capabilities: ['USER', 'UIDL'],
      password: canary,
      replies: { PASS: `-ERR [AUTH] ${canary} is wrong\r\n` },
    });
    const imap = await rig.imap();
    const list = await rig.list([scriptedRow(pop, imap, { pop_password: canary })]);
    const ended = await rig.sync(list, ['--json', '--log-level', 'trace']);
    expect(ended.status).toBe(12);
    expect(ended.stdout + ended.stderr).not.toContain(canary);
    expect(await filesWith(rig.dataDir, canary)).toEqual([]);
    // Opened while the source was asked, at the most (decision 0025).
    expect(imap.connections.flatMap(({ commands }) => commands).join('\n')).not.toMatch(/LIST|SELECT|APPEND/);
    expect(imap.stored()).toEqual([]);
  });
});
