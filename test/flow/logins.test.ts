import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { canonical } from '../servers/witness.ts';
import { type Ended, expectReport, filesWith, HaulRig, type Row, scriptedRow } from './haul-rig.ts';
import {
  type LoggedIn,
  type LoginServers,
  masterPassword,
  startLoginServers,
  type Transport,
  tokenOf,
  transports,
} from './login-servers.ts';

/** One way to log in: its columns, what Dovecot calls it (and in the clear, where that differs), and whether a master does it. */
interface Way {
  columns: (user: string) => Row;
  method: string;
  inTheClear?: string;
  master?: true;
}

const password = 'pässword "quoted" \\ with ☺, = and ;';
const named = (auth: string, method = auth): Way => ({ columns: () => ({ auth }), method });
const token = (auth: string): Way => ({ columns: (user) => ({ auth, password: tokenOf(user) }), method: auth });
const asMaster = (auth: string, method = auth): Way => ({
  columns: (user) => ({ auth, user: 'master', authz_user: user, password: masterPassword }),
  method,
  master: true,
});
const byTemplate = (auth: string, method = auth): Way => ({
  columns: () => ({ auth, user: '{address}*master', password: masterPassword }),
  method,
  master: true,
});

const popWays: Record<string, Way> = {
  auto: { ...named('auto', 'PLAIN'), inTheClear: 'SCRAM-SHA-256' },
  USER: named('USER', 'PLAIN'),
  PLAIN: named('PLAIN'),
  LOGIN: named('LOGIN'),
  'CRAM-MD5': named('CRAM-MD5'),
  'SCRAM-SHA-1': named('SCRAM-SHA-1'),
  'SCRAM-SHA-256': named('SCRAM-SHA-256'),
  APOP: named('APOP'),
  XOAUTH2: token('XOAUTH2'),
  OAUTHBEARER: token('OAUTHBEARER'),
  'PLAIN for another user': asMaster('PLAIN'),
  'SCRAM-SHA-256 for another user': asMaster('SCRAM-SHA-256'),
  'USER*master': byTemplate('USER', 'PLAIN'),
  'SCRAM-SHA-1*master': byTemplate('SCRAM-SHA-1'),
};
const imapWays: Record<string, Way> = {
  auto: named('auto', 'PLAIN'),
  PLAIN: named('PLAIN'),
  LOGIN: named('LOGIN', 'PLAIN'),
  XOAUTH2: token('XOAUTH2'),
  OAUTHBEARER: token('OAUTHBEARER'),
  'PLAIN for another user': asMaster('PLAIN'),
  'LOGIN*master': byTemplate('LOGIN', 'PLAIN'),
};

/** A user of his own for each combination; every third has a name that would have to be quoted. */
const cases = transports.flatMap((transport) =>
  Object.keys(popWays).map((pop, at) => {
    const imap = Object.keys(imapWays)[at % Object.keys(imapWays).length]!;
    // An address, which a template needs, has no blanks, and APOP cannot carry them.
    const blank = popWays[pop]!.master || imapWays[imap]!.master || pop === 'APOP' ? '' : ' ';
    const local = at % 3 === 0 ? `o"brien${blank}\\${at}'jürgen` : `user${at}`;
    return { transport, pop, imap, user: `${local}.${transport}@example.com` };
  }),
);

describe('every login over every transport, from Dovecot to Dovecot', () => {
  let rig: HaulRig;
  let servers: LoginServers;
  let list: string;
  let ended: Ended;

  beforeAll(async () => {
    rig = await HaulRig.make();
    servers = await startLoginServers(rig, Object.fromEntries(cases.map(({ user }) => [user, password])));
    for (const { user } of cases) await deliver({ server: servers.source, user }, [{ bytes: messageOf(user) }]);
    const rows = cases.map(({ transport, pop, imap, user }) => ({
      id: user,
      ...sideOf('pop', transport, popWays[pop]!, user),
      ...sideOf('imap', transport, imapWays[imap]!, user),
    }));
    list = await rig.list(rows);
    ended = await rig.sync(list, ['--json', '--trace']);
  }, 240_000);

  afterAll(() => rig.end());

  function sideOf(side: 'pop' | 'imap', transport: Transport, { columns }: Way, user: string): Row {
    const all: Row = {
      host: '127.0.0.1',
      port: servers.port(side, transport),
      security: transport,
      user,
      password,
      ...(transport === 'none' ? {} : { tls_ca: servers.authority }),
      ...columns(user),
    };
    return Object.fromEntries(Object.entries(all).map(([name, value]) => [`${side}_${name}`, value]));
  }

  function expectLogin(all: readonly LoggedIn[], { user, transport }: (typeof cases)[number], way: Way): void {
    const mine = all.filter((each) => each.user === user);
    expect(mine.length).toBeGreaterThan(0);
    const authenticated = way.master ? 'master' : user;
    const method = transport === 'none' ? (way.inTheClear ?? way.method) : way.method;
    for (const each of mine) expect(each).toEqual({ user, authenticated, method, secured: transport !== 'none' });
  }

  test('every account is complete', () => {
    const report = expectReport(ended);
    const failed = report.accounts.filter(({ state }) => state !== 'complete');
    expect(failed.map(({ id, problems }) => [id, problems])).toEqual([]);
    expect(report.totals).toMatchObject({ accounts: cases.length, messages: { appended: cases.length } });
    expect(ended.status).toBe(0);
  });

  test.each(cases)('POP3 $pop over $transport', async (each) => {
    expectLogin(await servers.logins(servers.source), each, popWays[each.pop]!);
    expect(await stored(servers.source, each.user)).toEqual([canonical(messageOf(each.user)).toString()]);
  });

  test.each(cases)('IMAP $imap over $transport (after POP3 $pop)', async (each) => {
    expectLogin(await servers.logins(servers.destination), each, imapWays[each.imap]!);
    expect(await stored(servers.destination, each.user)).toEqual([canonical(messageOf(each.user)).toString()]);
  });

  test('verify gets in everywhere too, and finds everything', async () => {
    const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];
    const proof = await rig.haul(['verify', list, '--json', ...fixed]).ended;
    expect(expectReport(proof).accounts.flatMap(({ id, problems }) => problems.map(({ text }) => [id, text]))).toEqual(
      [],
    );
    expect(proof.status).toBe(0);
  });

  test('no secret is left anywhere', async () => {
    const log = await rig.log();
    for (const way of ['PASS ***', 'APOP ', 'AUTH SCRAM-SHA-256 ***', 'AUTH XOAUTH2 ***', 'AUTHENTICATE OAUTHBEARER']) {
      expect(log).toContain(way);
    }
    const secrets = [password, masterPassword, tokenOf(cases[0]!.user), Buffer.from(password).toString('base64')];
    for (const secret of secrets) {
      expect(ended.stdout + ended.stderr).not.toContain(secret);
      expect(await filesWith(rig.dataDir, secret)).toEqual([]);
    }
  });
});

describe('what Dovecot has not', () => {
  let rig: HaulRig;
  // As long as those of Microsoft.
  const secret = `eyJ0.${'x'.repeat(1800)}`;

  beforeAll(async () => {
    rig = await HaulRig.make();
  });

  afterAll(() => rig.end());

  /** A source that takes a token on a line of its own, as Microsoft's does, and a destination that takes it. */
  async function run(good: string): Promise<{ ended: Ended; asked: string[]; stored: Buffer[] }> {
    const wanted = `user=user\x01auth=Bearer ${good}\x01\x01`;
    const refusal = JSON.stringify({ status: '400', schemes: 'Bearer', scope: 'https://mail.example/' });
    const pop = await rig.pop({
      messages: [{ bytes: messageOf('user'), uidl: '1' }],
      capabilities: ['SASL XOAUTH2', 'UIDL'],
      sasl: (_mechanism, [first, second, third]) => {
        if (first !== undefined) return '-ERR Protocol error. 14\r\n';
        if (second === undefined) return '+ \r\n';
        if (second === wanted) return '+OK User successfully logged on.\r\n';
        return third === undefined
          ? `+ ${Buffer.from(refusal).toString('base64')}\r\n`
          : '-ERR Authentication failure\r\n';
      },
    });
    const imap = await rig.imap({
      capabilities: ['IMAP4rev1', 'AUTH=XOAUTH2', 'SASL-IR', 'UIDPLUS'],
      token: (response) => (response === wanted.replace('user=user', 'user=ann') ? undefined : refusal),
    });
    const secretFile = await rig.file('token', `${secret}\n`);
    const tokens = { pop_password: `command:cat ${secretFile}`, imap_password: `file:${secretFile}` };
    const row = scriptedRow(pop, imap, { pop_auth: 'XOAUTH2', imap_auth: 'xoauth2', ...tokens });
    const ended = await rig.sync(await rig.list([row]), ['--json', '--data-dir', await rig.folder()]);
    return { ended, asked: pop.transcript, stored: imap.stored() };
  }

  test('a long token from a command goes on a line of its own', async () => {
    const { ended, asked, stored: arrived } = await run(secret);
    expect(expectReport(ended).totals.messages.appended).toBe(1);
    expect(asked.slice(0, 2)).toEqual(['CAPA', 'AUTH XOAUTH2']);
    expect(arrived.map(String)).toEqual([String(messageOf('user'))]);
  });

  test('a refused token says why, shows nothing of itself, and ends with status 12', async () => {
    const { ended } = await run('another');
    expect(ended.status).toBe(12);
    const [problem] = ended.account.problems;
    expect(problem).toMatchObject({ code: 'credentials-refused' });
    expect(problem!.text).toContain('login by XOAUTH2: status 400, schemes Bearer, scope https://mail.example/');
    expect(ended.stdout + ended.stderr + (await rig.log().catch(() => ''))).not.toContain('xxxx');
  });
});

function messageOf(user: string): Buffer {
  const name = Buffer.from(user).toString('hex');
  const lines = [`Message-ID: <${name}@example.com>`, 'Date: Tue, 4 Mar 2014 10:20:30 +0100', 'From: a@example.net'];
  return Buffer.from([...lines, `Subject: mail of ${name}`, '', `The text of ${name}.`, ''].join('\r\n'));
}

/** The messages in the INBOX of a user, from the disk. */
async function stored(server: Dovecot, user: string): Promise<string[]> {
  const inbox = join(server.mailRoot, user, 'Maildir');
  const found: string[] = [];
  for (const part of ['new', 'cur']) {
    for (const name of await readdir(join(inbox, part))) {
      found.push(canonical(await readFile(join(inbox, part, name))).toString());
    }
  }
  return found;
}
