/** What a move leaves to be dealt with, as files: messages that did not arrive, and the ids of POP3 for who stays on it. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chown, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deliver } from '../../src/demo/maildir.ts';
import type { AccountStatus } from '../../src/operations/answers/account-status.ts';
import { popList } from '../servers/witness.ts';
import {
  dovecotRow,
  type Ended,
  expectScriptedUntouched,
  type Haul,
  HaulRig,
  type Row,
  scriptedRow,
} from './haul-rig.ts';
import { ServiceRig } from './service-rig.ts';

/** What is refused is not sent again: tests that count tries need no waits. */
const once = { refusalWaitsMs: '[]' };

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
  await rig.settings(once);
});

afterEach(() => rig.end());

/** Starts `mailhaul export …` with the rig's data directory and settings. */
function exporting(args: readonly string[]): Haul {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];
  return rig.haul(['export', ...args, ...fixed]);
}

/** Runs it to its end. */
function exported(args: readonly string[]): Promise<Ended> {
  return exporting(args).ended;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const message = (id: string, subject: string, body = 'text') =>
  Buffer.from(
    `Message-ID: <${id}@x>\r\nDate: Tue, 4 Mar 2014 10:20:30 +0100\r\nSubject: ${subject}\r\n\r\n${body}\r\n`,
    'latin1',
  );

/** Mail of which the destination refuses what has REFUSE in it. Two have no unique id of their own. */
const mail = [
  { uidl: 'good-1', bytes: message('good-1', 'fine') },
  {
    uidl: 'bad-1',
    bytes: message('bad-1', '=?utf-8?Q?=3DHYPERLINK(=221=22)_=1B[31m_gr=C3=BC=C3=9Fe?=', 'REFUSE \0 1'),
  },
  { uidl: 'same', bytes: message('bad-2', '+cmd|calc', 'REFUSE 2') },
  { uidl: 'same', bytes: message('good-2', 'fine too') },
  { uidl: 'bad-3', bytes: message('bad-3', 'going', 'REFUSE 3') },
  { uidl: 'unread', bytes: message('unread', 'never handed out') },
  { uidl: 'empty', bytes: Buffer.alloc(0) },
];

interface Line {
  readonly uidl: string;
  readonly size: number;
  readonly subject: string;
  readonly code: string;
  readonly text: string;
  readonly tries: number;
  readonly file: string;
  readonly sha256: string;
  readonly note: string;
}

/** A provider of which it is known that it hides what was fetched. */
const hider = `
hider:
  title: Hider
  pop: { host: 127.0.0.1, port: 110, security: tls, auth: [app-password], user: address, source: a test, date: 2026 }
  quirks: { hidesFetched: { text: What was fetched is hidden., source: a test, date: 2026 } }
`;

async function refusedMail(more: Row = {}) {
  const pop = await rig.pop({
    messages: mail.map((one) => ({ ...one })),
    replies: { 'RETR 6': '-ERR \x1b[31mdisk trouble\r\n' },
  });
  const imap = await rig.imap({
    refuse: ({ bytes }) => (bytes.includes('REFUSE') ? 'NO =1+1 \x1b[31mnot this one' : undefined),
  });
  const list = await rig.list([scriptedRow(pop, imap, more)]);
  expect((await rig.sync(list)).account.messages).toMatchObject({ appended: 2, refused: 4, failed: 1 });
  return { pop, imap, list, out: join(rig.directory, 'out') };
}

const linesOf = (ended: Ended) => (JSON.parse(ended.stdout) as { messages: Line[] }).messages;
const byUidl = (ended: Ended, uidl: string) => linesOf(ended).find((line) => line.uidl === uidl)!;
const emlOf = async (out: string) => (await readdir(out)).filter((name) => name.endsWith('.eml')).sort();

describe('mailhaul export messages', () => {
  test('writes what did not arrive, byte for byte, with an index of the reasons; and again nothing new', async () => {
    const { pop, list, out } = await refusedMail();
    const before = pop.transcript.length;
    const first = await exported(['messages', 'one', list, '--out', out, '--json']);
    expect(first.status).toBe(3);
    const asked = pop.transcript.slice(before);
    // Promise 1: what was fetched and is in no spool is not confirmed by QUIT.
    expect(asked.filter((line) => /^(?:QUIT|DELE|RSET)/.test(line))).toEqual([]);

    const lines = linesOf(first);
    expect(lines.map(({ uidl }) => uidl).sort()).toEqual(['bad-1', 'bad-3', 'empty', 'same', 'unread']);
    for (const { uidl, file, sha256: digest, size } of lines.filter((line) => line.file !== '')) {
      const bytes = await readFile(join(out, file));
      expect(mail.some((one) => one.uidl === uidl && one.bytes.equals(bytes))).toBe(true);
      expect(digest).toBe(sha256(bytes));
      expect(size).toBe(bytes.length);
      expect((await stat(join(out, file))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(out)).mode & 0o777).toBe(0o700);
    expect(byUidl(first, 'bad-1')).toMatchObject({ code: 'append-refused', tries: 1, note: '' });
    expect(byUidl(first, 'bad-1').subject).toBe('=HYPERLINK("1")  [31m grüße');
    expect(byUidl(first, 'empty')).toMatchObject({ code: 'message-empty', size: 0 });
    expect(byUidl(first, 'unread')).toMatchObject({
      code: 'message-unreadable',
      file: '',
      text: '-ERR  [31mdisk trouble',
    });
    expect(byUidl(first, 'unread').note).toContain('disk trouble');

    const csv = await readFile(join(out, 'index.csv'), 'utf8');
    expect(csv).not.toMatch(/[\x00-\x09\x0b\x0c\x0e-\x1f]/);
    expect(csv.split('\r\n')).toHaveLength(lines.length + 2);
    expect(csv).toContain(`,"'=HYPERLINK(""1"")  [31m grüße",`);
    expect(csv).toContain(`,'+cmd|calc,`);

    const files = await emlOf(out);
    pop.behaviour.replies = {};
    const again = await exported(['messages', 'one', list, '--out', out, '--json']);
    expect(again.status).toBe(0);
    expect((await emlOf(out)).filter((name) => !files.includes(name))).toEqual([byUidl(again, 'unread').file]);
    expect(byUidl(again, 'unread')).toMatchObject({ subject: 'never handed out', note: '' });
    const retrieved = pop.transcript.slice(before + asked.length).filter((line) => line.startsWith('RETR'));
    expect(retrieved).toEqual(['RETR 6']);
    await expectScriptedUntouched(pop);
  });

  test('says which message the source does not have any more, and overwrites nothing', async () => {
    await rig.settings({ ...once, providersFile: await rig.file('providers.yaml', hider) });
    const { pop, list, out } = await refusedMail({ pop_provider: 'hider' });
    pop.behaviour.messages = pop.behaviour.messages!.filter(({ uidl }) => uidl !== 'bad-3');
    pop.behaviour.replies = {};
    const gone = 'the source does not list it any more';
    const first = await exported(['messages', 'one', list, '--out', out, '--json']);
    expect(first.status).toBe(3);
    expect(byUidl(first, 'bad-3')).toMatchObject({ file: '', note: `${gone}; What was fetched is hidden.` });
    expect(byUidl(first, 'bad-3').sha256).toBe(sha256(mail[4]!.bytes));
    expect(byUidl(first, 'unread').file).not.toBe('');

    const { file } = byUidl(first, 'bad-1');
    await writeFile(join(out, file), 'mine');
    const second = await exported(['messages', 'one', list, '--out', out, '--json']);
    expect(second).toMatchObject({ status: 2, stdout: '' });
    expect(second.stderr).toContain(`export-exists: ${join(out, file)}`);
    expect(await readFile(join(out, file), 'utf8')).toBe('mine');

    const unknown = await exported(['messages', 'nobody', list]);
    expect(unknown.status).toBe(2);
  });

  test('goes on where it was cut off', async () => {
    await rig.settings({ ...once, registrySubjects: 'false' });
    const { pop, list, out } = await refusedMail();
    const partsOf = async () => (await readdir(out)).filter((name) => name.endsWith('.part'));
    pop.behaviour.replies = {};
    pop.behaviour.stall = { at: 'RETR 5', afterBytes: 40 };
    const stopped = exporting(['messages', 'one', list, '--out', out]);
    await rig.reaches(() => existsSync(out) && readdirSync(out).some((name) => name.endsWith('.part')), stopped);
    stopped.child.kill('SIGINT');
    expect((await stopped.ended).status).toBe(130);
    expect(await partsOf()).toEqual([]);
    // What one leaves behind that was killed.
    await writeFile(join(out, '.mailhaul-1-2.part'), 'half');

    delete pop.behaviour.stall;
    pop.behaviour.cut = { at: 'RETR 5', afterBytes: 40 };
    const first = await exported(['messages', 'one', list, '--out', out, '--json']);
    expect(first.status).toBe(3);
    expect(byUidl(first, 'bad-1').file).not.toBe('');
    expect(byUidl(first, 'bad-3')).toMatchObject({ file: '', note: expect.stringContaining('127.0.0.1') });
    expect(linesOf(first).map(({ subject }) => subject)).toEqual(['', '', '', '', '']);
    expect(await partsOf()).toEqual([]);
    delete pop.behaviour.cut;
    const before = pop.transcript.length;
    const second = await exported(['messages', 'one', list, '--out', out, '--json']);
    expect(second.status).toBe(0);
    expect(await emlOf(out)).toHaveLength(5);
    expect(pop.transcript.slice(before)).not.toContain('RETR 2');
  });
});

describe('beside a running service', () => {
  test('an account is found among those of the service; tries go on counting over retries until they are accepted', async () => {
    const pop = await rig.pop({ messages: mail.slice(0, 2) });
    const imap = await rig.imap({ refuse: ({ bytes }) => (bytes.includes('REFUSE') ? 'NO not this one' : undefined) });
    const list = await rig.list([scriptedRow(pop, imap)]);
    const redis = await rig.redis();
    const service = await ServiceRig.make(rig, redis.url);
    const process = await service.start('scheduler,pop,imap,dashboard', service.controlDir, { list });
    const ended = async (before?: string | undefined) => {
      const over = ({ run }: AccountStatus) => run !== null && run.finishedAt !== null && run.id !== before;
      const [account] = await service.until((accounts) => accounts.length === 1 && accounts.every(over), process);
      expect(account!.messages).toMatchObject({ refused: 1 });
      return account!.run!.id;
    };
    const out = join(rig.directory, 'out');
    const of = ['messages', 'one', '--redis', redis.url, '--out', out, '--json'];
    const first = await ended();
    expect(linesOf(await exported(of))).toMatchObject([{ uidl: 'bad-1', tries: 1, account: 'one' }]);
    await service.client('retry', 'one');
    await ended(first);
    const second = await exported(of);
    expect(second.status).toBe(0);
    expect(linesOf(second)).toMatchObject([{ uidl: 'bad-1', tries: 2 }]);
    expect(await emlOf(out)).toHaveLength(1);

    await service.client('accept', 'one', '--reason', 'spam');
    const third = await exported(of);
    expect(third.status).toBe(0);
    expect(linesOf(third)).toEqual([]);
    const { accepted } = await service.api<{ accepted: { refusal: object }[] }>('accounts/one');
    expect(accepted).toMatchObject([{ refusal: { messageId: '<bad-1@x>', tries: 2 } }]);
    expect((await exported(['messages', 'nobody', '--redis', redis.url])).status).toBe(2);
  });
});

describe('mailhaul export uidl-map', () => {
  test('gives a Dovecot the ids of the source: who stays on POP3 downloads nothing again', async () => {
    // Both kinds of storage have the same separator, so that one can be turned into the other.
    const extra = 'namespace inbox {\n  separator = /\n}';
    const source = await rig.dovecot({ protocols: ['pop3'], extra: 'pop3_uidl_format = source-%u' });
    const destination = await rig.dovecot({ protocols: ['imap', 'pop3'], extra });
    const messages = Array.from({ length: 20 }, (_, i) => ({ bytes: message(`m${i}`, `no ${i}`) }));
    await deliver({ server: source, user: 'ann' }, messages);
    await deliver({ server: destination, user: 'ann' }, [{ bytes: message('own', 'of the destination') }]);
    const list = await rig.list([dovecotRow(source, destination, 'ann', { id: 'ann' })]);
    expect((await rig.sync(list)).account.messages).toMatchObject({ appended: 20 });
    // Somebody has looked by POP3 before the ids are there.
    expect((await popList({ port: destination.popPort, user: 'ann', password: 'pw' })).count).toBe(21);
    const wanted = (await popList({ port: source.popPort, user: 'ann', password: 'pw' })).uidls;

    const map = await exported(['uidl-map', 'ann', list]);
    expect(map.status).toBe(0);
    const rows = map.stdout
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(','));
    expect(rows.map(([uidl]) => uidl)).toEqual(wanted);
    expect(rows.map(([, mailbox, , uid]) => [mailbox, uid])).toEqual(wanted.map((_, i) => ['INBOX', String(i + 2)]));

    await destination.stop();
    const uidlist = join(destination.mailRoot, 'ann', 'Maildir', 'dovecot-uidlist');
    const copy = join(rig.directory, 'new-uidlist');
    const asList = ['uidl-map', 'ann', list, '--format', 'dovecot-uidlist', '--uidlist', uidlist, '--out', copy];
    const written = await exported(asList);
    expect(written).toMatchObject({ status: 0, stdout: '' });
    const before = (await readFile(uidlist, 'latin1')).split('\n');
    const after = (await readFile(copy, 'latin1')).split('\n');
    expect(after.map((line) => line.replace(/ P[^ ]+/, ''))).toEqual(before);
    if (process.getuid?.() === 0) await chown(copy, destination.owner.uid, destination.owner.gid);
    await rename(copy, uidlist);
    await destination.restart();
    const shown = (await popList({ port: destination.popPort, user: 'ann', password: 'pw' })).uidls;
    expect(shown).toHaveLength(21);
    expect(shown.slice(1)).toEqual(wanted);

    // docs/export.md: an mdbox gets them by way of a Maildir.
    await destination.doveadm(['backup', '-u', 'ann', `mdbox:${join(destination.mailRoot, 'ann', 'mdbox')}`]);
    await destination.stop();
    const settings = join(destination.directory, 'dovecot.conf');
    const text = await readFile(settings, 'utf8');
    await writeFile(settings, text.replace(/maildir:(.*)\/Maildir/, 'mdbox:$1/mdbox'));
    await destination.restart();
    expect((await popList({ port: destination.popPort, user: 'ann', password: 'pw' })).uidls).toEqual(shown);
  });

  test('finds UIDs that the destination did not tell once it was looked at again', async () => {
    const pop = await rig.pop({
      messages: ['+a', 'b,"'].map((uidl) => ({ uidl, bytes: message(encodeURIComponent(uidl), 'x', uidl) })),
    });
    const imap = await rig.imap({ appendUid: () => undefined });
    const list = await rig.list([scriptedRow(pop, imap)]);
    expect((await rig.sync(list)).status).toBe(0);
    const first = await exported(['uidl-map', 'one', list, '--json']);
    expect(first.status).toBe(3);
    expect(JSON.parse(first.stdout)).toMatchObject({ mapped: 0, unsure: 2, missing: 0, messages: [] });

    expect((await rig.sync(list, ['--json', '--recheck'])).status).toBe(0);
    const second = await exported(['uidl-map', 'one', list]);
    expect(second.status).toBe(0);
    const { uidValidity } = imap.mailboxes.get('INBOX')!;
    const head = 'uidl,mailbox,uidvalidity,uid,size';
    const sizes = pop.behaviour.messages!.map(({ bytes }) => bytes.length);
    const lines = [head, `+a,INBOX,${uidValidity},1,${sizes[0]}`, `"b,""",INBOX,${uidValidity},2,${sizes[1]}`];
    expect(second.stdout).toBe(lines.map((line) => `${line}\r\n`).join(''));
    expect(pop.transcript.filter((line) => line.startsWith('RETR'))).toHaveLength(2);
  });
});
