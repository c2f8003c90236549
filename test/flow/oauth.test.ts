import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeAppCertificate } from '../servers/certificates.ts';
import { browse } from '../servers/oauth-browser.ts';
import { clients, OAuthServer } from '../servers/oauth-server.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ended, expectReport, filesWith, type Haul, HaulRig, type Row, scriptedRow } from './haul-rig.ts';
import { lines, stopAll } from './service-rig.ts';

const messagesEach = 12;
const app = makeAppCertificate();
let rig: HaulRig;
let server: OAuthServer;

beforeEach(async () => {
  rig = await HaulRig.make();
  server = await OAuthServer.start({ user: 'ann@example.com', certificate: app.cert });
  rig.atEnd(() => server.close());
});

afterEach(() => rig.end());

/** Settings with the providers, and more. */
function settings(more: Readonly<Record<string, string>> = {}): Promise<string> {
  const { tokenUrl, issuer } = server;
  const tenant = { kind: 'client-credentials', tokenUrl, clientId: clients.tenant, clientSecret: 'env:APP_SECRET' };
  const person = { kind: 'refresh-token', issuer, clientId: clients.person, scope: 'mail' };
  // Another scope, so that the two sides of an account have tokens of their own.
  const tenantImap = { ...tenant, scope: 'mail offline_access' };
  const oauth = JSON.stringify({ tenant: { ...tenant, scope: 'mail' }, tenantImap, person });
  return rig.settings({ oauth, ...more });
}

/** Source and destination of one user, who is let in with a token that is valid at that moment. */
interface Pair {
  readonly user: string;
  readonly pop: ScriptedPop3;
  readonly imap: ScriptedImap;
  readonly row: Row;
  /** Tokens that were refused: each is renewed once, however many connections came with it. */
  readonly refused: Set<string>;
}

/** With `ends`, each token of a pair ends at its third login, at that very moment. */
async function pairFor(
  user: string,
  provider: string,
  { ends = false, atImap: imapProvider = provider } = {},
): Promise<Pair> {
  const gate = () => {
    const logins = new Map<string, number>();
    return (text: string): boolean => {
      const [, who, token = ''] = /^user=(.*?)\x01auth=Bearer (.*?)\x01\x01$/s.exec(text) ?? [];
      const times = (logins.get(token) ?? 0) + 1;
      logins.set(token, times);
      if (ends && times === 3) server.end(token);
      const lets = who === user && server.isValid(token);
      if (!lets) pair.refused.add(token);
      return lets;
    };
  };
  const [atPop, atImap] = [gate(), gate()];
  const mail = Array.from({ length: messagesEach }, (_, i) => `${user}-${i}`);
  const pop = await rig.pop({
    messages: mail.map((uidl) => ({
      uidl,
      // The user's own mail: the connection that looks has to find, or make, the mailbox for it.
      bytes: Buffer.from(`From: ${user}\r\nMessage-ID: <${uidl}>\r\nSubject: ${uidl}\r\n\r\n${'x'.repeat(2000)}\r\n`),
    })),
    capabilities: ['TOP', 'UIDL', 'PIPELINING', 'SASL XOAUTH2', 'RESP-CODES', 'AUTH-RESP-CODE'],
    sasl: (_, [said]) => (atPop(said ?? '') ? '+OK\r\n' : '-ERR [AUTH] the token has ended\r\n'),
  });
  const imap = await rig.imap({
    capabilities: 'IMAP4rev1 SASL-IR AUTH=XOAUTH2 NAMESPACE UIDPLUS LITERAL+ MULTIAPPEND SPECIAL-USE'.split(' '),
    token: (said) => (atImap(said) ? undefined : 'NO [AUTHENTICATIONFAILED] the token has ended'),
  });
  const login = { id: user, pop_user: user, imap_user: user, pop_password: '', imap_password: '' };
  const auth = { pop_auth: `OAuth2:${provider}`, imap_auth: `oauth2:${imapProvider}` };
  const pair: Pair = { user, pop, imap, row: scriptedRow(pop, imap, { ...login, ...auth }), refused: new Set() };
  return pair;
}

function expectArrived({ imap, pop }: Pair): void {
  expect(imap.stored('Sent').map(String).sort()).toEqual(
    pop.behaviour.messages!.map(({ bytes }) => String(bytes)).sort(),
  );
}

/** No token and no secret stands in any file of the data directory, or was printed. */
async function expectNoSecrets(...printed: readonly { stdout: string; stderr: string }[]): Promise<void> {
  const secrets = [server.tenantSecret, ...server.accessTokens, ...server.refreshTokens];
  expect(server.accessTokens.length).toBeGreaterThan(0);
  for (const secret of secrets) {
    for (const text of [secret, Buffer.from(secret).toString('base64')]) {
      expect(await filesWith(rig.directory, text)).toEqual([]);
      for (const { stdout, stderr } of printed) expect(stdout + stderr).not.toContain(text);
    }
  }
}

/** The first address that a process shows on standard error, once it is there. */
async function addressOf(haul: Haul): Promise<string> {
  const find = () => /^ {2}(https?:\/\/\S+)\n/m.exec(haul.text.stderr)?.[1];
  await rig.reaches(() => find() !== undefined, haul);
  return find()!;
}

function fixed(): string[] {
  return ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];
}

describe('tokens of a tenant', () => {
  test('that end in mid-run are renewed, and nobody counts as refused', async () => {
    await settings({ sessionMaxBytes: '6000', batchMaxMessages: '2', logLevel: 'trace' });
    const pairs = await Promise.all(
      ['ann', 'bob', 'eve'].map((name) =>
        pairFor(`${name}@example.com`, 'tenant', { ends: true, atImap: 'tenantImap' }),
      ),
    );
    const list = await rig.list(pairs.map(({ row }) => row));
    const ended = await rig.sync(list, ['--json', '--trace'], { APP_SECRET: server.tenantSecret });
    const report = expectReport(ended);
    expect(report.accounts.flatMap(({ problems }) => problems)).toEqual([]);
    expect(ended.status).toBe(0);
    for (const pair of pairs) {
      expectArrived(pair);
      expect(pair.refused.size).toBeGreaterThan(1);
    }
    const refused = pairs.reduce((sum, pair) => sum + pair.refused.size, 0);
    // One for each side of the beginning, and one for each token that was refused.
    expect(server.asked('client_credentials')).toBe(2 * pairs.length + refused);
    const again = await rig.sync(list, ['--json', '--recheck'], { APP_SECRET: server.tenantSecret });
    expect(again.report.totals.messages).toMatchObject({ known: 3 * messagesEach, appended: 0 });
    const proof = await rig.haul(['verify', list, ...fixed(), '--json'], { APP_SECRET: server.tenantSecret }).ended;
    expect(proof.status, proof.stderr).toBe(0);
    await expectNoSecrets(ended, again, proof);
  });

  test('that the server refuses again and again are refused credentials', async () => {
    await settings();
    const pair = await pairFor('ann@example.com', 'tenant');
    pair.pop.behaviour.sasl = () => '-ERR [AUTH] no access to this mailbox\r\n';
    const list = await rig.list([pair.row]);
    const env = { APP_SECRET: server.tenantSecret };
    const runs: Ended[] = [];
    for (let run = 0; run < 3; run += 1) runs.push(await rig.sync(list, ['--json'], env));
    expect(runs.map(({ status }) => status)).toEqual([12, 12, 12]);
    // Twice a run with another token each, in the first two runs; then the server is left alone.
    expect(pair.pop.seen('AUTH')).toHaveLength(4);
  });

  test('that cannot be had fail the account and name the provider', async () => {
    await settings();
    const pair = await pairFor('ann@example.com', 'tenant');
    const list = await rig.list([pair.row]);
    const wrong = await rig.sync(list, ['--json'], { APP_SECRET: 'not-the-secret' });
    expect(wrong.account.problems).toMatchObject([{ code: 'oauth-client-refused', stops: 'account' }]);
    expect(wrong.account.problems[0]!.text).toContain('oauth2:tenant');
    expect(wrong.stdout).not.toContain('not-the-secret');
    expect(pair.pop.seen('AUTH')).toEqual([]);
  });

  test('are got with a certificate too, whose key goes nowhere and shall be its owner’s alone', async () => {
    const clientKeyFile = await rig.file('app.key', app.key);
    await chmod(clientKeyFile, 0o644);
    const clientCertFile = await rig.file('app.pem', app.cert);
    const key = { clientId: clients.certified, clientKeyFile, clientCertFile, scope: 'mail' };
    const signed = { kind: 'client-credentials', tokenUrl: server.tokenUrl, ...key };
    await rig.settings({ oauth: JSON.stringify({ signed }), logLevel: 'trace' });
    const pair = await pairFor('ann@example.com', 'signed');
    const list = await rig.list([pair.row]);
    const warned = await rig.sync(list, ['--json']);
    expect(warned.status, warned.stdout).toBe(0);
    expect(warned.stderr).toContain(
      `the private key ${clientKeyFile} of oauth.signed can be read by others (mode 644)`,
    );
    expectArrived(pair);
    const ended = makeAppCertificate(-1);
    await rig.file('app.key', ended.key);
    await rig.file('app.pem', ended.cert);
    for (const token of server.accessTokens) server.end(token);
    const failed = await rig.sync(list, ['--json', '--recheck']);
    expect(failed.account.problems).toMatchObject([{ code: 'oauth-key-unusable', stops: 'account' }]);
    await expectNoSecrets(warned, failed);
    for (const line of [app.key, ended.key].flatMap((pem) => pem.split('\n').filter((text) => text.length === 64))) {
      expect(await filesWith(rig.directory, line, ['app.key'])).toEqual([]);
      for (const { stdout, stderr } of [warned, failed]) expect(stdout + stderr).not.toContain(line);
    }
  });

  test('whose name the settings do not have are an error of the list', async () => {
    await settings();
    const pair = await pairFor('ann@example.com', 'tenent');
    const ended = await rig.sync(await rig.list([pair.row]));
    expect(ended.status).toBe(10);
    expect(ended.stderr).toContain('there are tenant, tenantImap, person');
  });
});

describe('mailhaul authorize', () => {
  test('has a person consent in a browser; then the account can be read', async () => {
    await settings();
    const pair = await pairFor('ann@example.com', 'person');
    const list = await rig.list([pair.row]);
    const before = await rig.sync(list);
    expect(before.account.problems).toMatchObject([{ code: 'oauth-consent-needed' }]);
    const asking = rig.haul(['authorize', 'ann@example.com', list, ...fixed(), '--json']);
    await browse(await addressOf(asking));
    const asked = await asking.ended;
    expect(asked.status, asked.stderr).toBe(0);
    const side = { provider: 'person', user: 'ann@example.com' };
    const authorized = [
      { side: 'source', ...side },
      { side: 'destination', ...side },
    ];
    expect(JSON.parse(asked.stdout)).toEqual({ version: 1, account: 'ann@example.com', authorized });
    const after = await rig.sync(list);
    expect(after.status, after.stdout).toBe(0);
    expectArrived(pair);
    await expectNoSecrets(before, asked, after);
  });

  test('works beside the service, with its Redis and its accounts, by device code', async () => {
    await settings();
    const pair = await pairFor('ann@example.com', 'person');
    const list = await rig.list([pair.row]);
    const service = rig.haul(['start', list, ...fixed()]);
    await rig.reaches(() => lines(service, 'ready').length > 0, service);
    const asking = rig.haul(['authorize', 'ann@example.com', '--device', ...fixed()]);
    const shown = () => /^ {2}(http\S+user_code=\S+)\n/m.exec(asking.text.stderr)?.[1];
    await rig.reaches(() => shown() !== undefined, asking);
    await browse(shown()!);
    const asked = await asking.ended;
    expect(asked.status, asked.stderr).toBe(0);
    expect(asked.stdout).toContain('ann@example.com has consented');
    const unknown = await rig.haul(['authorize', 'nobody', ...fixed()]).ended;
    expect([unknown.status, unknown.stdout]).toEqual([2, '']);
    await stopAll([service]);
    expect((await rig.sync(list)).status).toBe(0);
    expectArrived(pair);
    await expectNoSecrets(asked, service.text);
  });

  test('gives up in time, and warns of a secret that others can read', async () => {
    const path = await settings({ oauthAuthorizeTimeoutMs: '1' });
    const text = (await readFile(path, 'utf8')).replace('env:APP_SECRET', 'literal:open-secret');
    const open = await rig.file('open.yaml', text);
    await chmod(open, 0o644);
    const list = await rig.list([(await pairFor('ann@example.com', 'person')).row]);
    const ended = await rig.haul(['authorize', 'ann@example.com', list, '--config', open, '--data-dir', rig.dataDir])
      .ended;
    expect(ended.status).toBe(3);
    expect(ended.stderr).toContain('oauth-consent-refused');
    expect(ended.stderr).toContain('can be read by others');
    expect(ended.stderr).not.toContain('open-secret');
  });
});

// Each starts five processes, and the one that was killed leaves its turn to lapse.
describe('a process that is killed while it exchanges a refresh token', { timeout: 200_000 }, () => {
  /** An account whose person has consented, and a run that was killed when its request had reached the provider. */
  async function killed(): Promise<{ list: string; pair: Pair; release: () => void }> {
    await settings();
    const pair = await pairFor('ann@example.com', 'person');
    const list = await rig.list([pair.row]);
    const asking = rig.haul(['authorize', 'ann@example.com', list, ...fixed()]);
    await browse(await addressOf(asking));
    expect((await asking.ended).status).toBe(0);
    for (const token of server.accessTokens) server.end(token);
    let release = () => {};
    server.hold = new Promise((done) => {
      release = done;
    });
    const before = server.asked('refresh_token');
    const run = rig.startSync(list);
    await rig.reaches(() => server.asked('refresh_token') > before, run);
    run.child.kill('SIGKILL');
    await run.ended;
    server.hold = undefined;
    return { list, pair, release };
  }

  test('before the provider has done it costs nothing', async () => {
    const { list, pair, release } = await killed();
    server.forget = true;
    release();
    const after = await rig.sync(list);
    expect(after.status, after.stdout).toBe(0);
    expectArrived(pair);
  });

  test('after a provider has done it, who takes each but once, has the person asked again', async () => {
    const { list, pair, release } = await killed();
    const done = server.answered;
    release();
    await expect.poll(() => server.answered, { timeout: 30_000 }).toBe(done + 1);
    const after = await rig.sync(list);
    expect(after.account.problems).toMatchObject([{ code: 'oauth-consent-revoked' }]);
    const asking = rig.haul(['authorize', 'ann@example.com', list, ...fixed()]);
    await browse(await addressOf(asking));
    expect((await asking.ended).status).toBe(0);
    expect((await rig.sync(list)).status).toBe(0);
    expectArrived(pair);
  });
});
