import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.ts';
import { loadAccountList } from '../../../src/accounts/list.ts';
import { listWarning } from '../../../src/accounts/list-safety.ts';
import { openLogin } from '../../../src/accounts/login.ts';
import { Seal } from '../../../src/accounts/seal.ts';
import { SecretRef } from '../../../src/accounts/secret.ts';
import { fromStored, sameAccount, toStored } from '../../../src/accounts/stored-account.ts';
import type { MailhaulError } from '../../../src/ground/errors.ts';
import { settingsWarning } from '../../../src/operations/settings-safety.ts';
import { codeOf, useRedis } from '../../ledger/redis-rig.ts';
import { OAuthServer } from '../../servers/oauth-server.ts';
import { accountOf } from '../account-rig.ts';
import { deskOf, providersOf, settingsWith, tokenAccount } from './oauth-rig.ts';

const redis = useRedis();
const seal = new Seal(Buffer.alloc(32, 7));
let folder: string;
let server: OAuthServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mailhaul-listed-'));
  server = await OAuthServer.start();
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function logins() {
  const settings = settingsWith(providersOf(server));
  return { env: {}, settings, tokens: deskOf(redis.client, server, settings) };
}

function listed(auth: string, names: readonly string[] = ['corp', 'Home']): Promise<Account[]> {
  const path = join(folder, 'list.csv');
  const head = 'pop_host,pop_auth,pop_user,pop_password,imap_host,imap_auth,imap_user,imap_password';
  writeFileSync(path, `${head}\npop.example.com,${auth},ann,ignored-secret,imap.example.com,${auth},ann,\n`);
  return loadAccountList(path, {}, { folder, oauthNames: names });
}

describe('oauth2:NAME in the list', () => {
  it.each(['oauth2:Home', 'OAUTH2:Home', 'OAuth2: Home'])('as %s needs no password, and keeps none', async (auth) => {
    const [account] = await listed(auth);
    expect(account!.source.auth).toBe('oauth2:Home');
    const everything = JSON.stringify([account!.source.password.stored(), account!.destination.password.stored()]);
    expect(everything).not.toContain('ignored-secret');
    expect(await listWarning(join(folder, 'list.csv'), [account!], {})).toBeUndefined();
  });

  it('must name what the settings have', async () => {
    const error = (await listed('oauth2:home').catch((thrown: unknown) => thrown)) as MailhaulError;
    expect(error.details['reason']).toContain('pop_auth is "oauth2:home"');
    expect(error.details['reason']).toContain('there are corp, Home');
    const none = (await listed('oauth2:', []).catch((thrown: unknown) => thrown)) as MailhaulError;
    expect(none.details['reason']).toContain('nothing stands there');
  });
});

describe('an account with tokens', () => {
  it('comes back from Redis as it was, and logs in by a token there too', async () => {
    const account = tokenAccount('ann@example.com', 'tenant');
    const text = toStored({ account, origin: '' }, seal);
    const stored = fromStored(account.key, text, seal);
    expect(sameAccount(stored, { account, origin: '' })).toBe(true);
    const login = await openLogin(stored.account, 'source', logins());
    expect(login).toMatchObject({ auth: 'auto', password: '', accessToken: server.accessTokens.at(-1) });
    expect(server.isValid(login.accessToken!)).toBe(true);
  });

  it.each([{ port: 110 }, { security: 'none' }, { tlsCaFile: '/tmp/mine.pem' }])(
    'whose stored line was changed to %j gets no token',
    async (change) => {
      const account = tokenAccount('ann@example.com', 'tenant');
      const stored = JSON.parse(toStored({ account, origin: '' }, seal));
      Object.assign(stored.source, change);
      const changed = fromStored(account.key, JSON.stringify(stored), seal).account;
      const asked = server.requests.length;
      expect(await codeOf(openLogin(changed, 'source', logins()))).toBe('seal-broken');
      expect(server.requests).toHaveLength(asked);
    },
  );
});

describe('a token that the password column names', () => {
  it('is read anew from its program when a server has refused it', async () => {
    const counter = join(folder, 'counter');
    writeFileSync(counter, '');
    const script = join(folder, 'token.sh');
    writeFileSync(script, `printf x >> "${counter}"; printf 'token-%s\\n' "$(cat "${counter}")"`);
    const side = { auth: 'XOAUTH2', password: SecretRef.parse(`command:/bin/sh ${script}`, folder) as SecretRef };
    const account = accountOf('ann', { from: side, to: { ...side, auth: 'PLAIN' } });
    const context = { ...logins(), env: { PATH: process.env['PATH'] } };
    const login = await openLogin(account, 'source', context);
    expect(login).toMatchObject({ auth: 'xoauth2', accessToken: 'token-x' });
    expect(await login.tokens!.get()).toBe('token-x');
    expect(await login.tokens!.renew('token-x')).toBe('token-xx');
    expect(await login.tokens!.get()).toBe('token-xx');
    expect(readFileSync(counter, 'utf8')).toBe('xx');
    const plain = await openLogin(account, 'destination', context);
    expect([plain.accessToken, plain.tokens]).toEqual([undefined, undefined]);
  });

  it('cannot be told from the name of its login, which another token changes', async () => {
    const identities = ['ya29.one', 'ya29.two'].map(async (token) => {
      const side = { auth: 'XOAUTH2', password: SecretRef.parse(token, folder) as SecretRef };
      return (await openLogin(accountOf('ann', { from: side }), 'source', logins())).tokens!.identity;
    });
    const [one, two] = await Promise.all(identities);
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(two).not.toBe(one);
  });
});

describe('a settings file', () => {
  it('with a client secret in it shall be its owner’s alone', () => {
    const path = join(folder, 'settings.yaml');
    const warned = (clientSecret: string, mode: number) => {
      rmSync(path, { force: true });
      writeFileSync(path, JSON.stringify({ oauth: { a: { clientSecret }, b: {} } }), { mode });
      return settingsWarning(path)?.code;
    };
    expect(warned('in-the-file', 0o644)).toBe('settings-secrets-readable');
    expect(warned('in-the-file', 0o600)).toBeUndefined();
    expect(warned('env:SECRET', 0o644)).toBeUndefined();
    expect(settingsWarning(join(folder, 'none.yaml'))).toBeUndefined();
  });
});
