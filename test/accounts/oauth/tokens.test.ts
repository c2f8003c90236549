import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TokenDesk } from '../../../src/accounts/oauth/token-desk.ts';
import type { TokenSource } from '../../../src/accounts/oauth/token-source.ts';
import { MailhaulError } from '../../../src/ground/errors.ts';
import { tokenKeys } from '../../../src/ground/keys.ts';
import { codeOf, useRedis } from '../../ledger/redis-rig.ts';
import { clients, OAuthServer } from '../../servers/oauth-server.ts';
import { deskOf, patient, providersOf, ShiftedClock, sealEnv, settingsWith, tokenAccount } from './oauth-rig.ts';

const redis = useRedis();
let server: OAuthServer;
let folder: string;
let clock: ShiftedClock;

beforeEach(async () => {
  server = await OAuthServer.start();
  folder = mkdtempSync(join(tmpdir(), 'mailhaul-oauth-'));
  clock = new ShiftedClock();
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function desk(client = redis.client, more: object = {}, oauth = providersOf(server, join(folder, 'key.json'))) {
  return deskOf(client, server, settingsWith(oauth, more), clock);
}

function source(provider: string, of = desk(), user = 'ann@example.com'): TokenSource {
  return of.sourceFor(tokenAccount(user, provider), 'source')!;
}

/** Puts a refresh token in place, as `authorize` does. */
async function consented(refresh: string, of = desk()): Promise<TokenSource> {
  const owner = of.ownerOf(tokenAccount('ann@example.com', 'person'), 'source')!;
  const tokens = of.tokensOf(owner);
  const ended = { access: 'ended', lifeMs: 0, refresh: undefined };
  await tokens.consent({ ...ended, refresh }, ended);
  return tokens;
}

describe('tokens of a tenant', () => {
  it('are asked for once, and then come from Redis for both sides', async () => {
    const account = tokenAccount('ann@example.com', 'tenant');
    const of = desk();
    const token = await of.sourceFor(account, 'source')!.get();
    expect(server.isValid(token)).toBe(true);
    expect(await of.sourceFor(account, 'destination')!.get()).toBe(token);
    expect(await source('tenant').get()).toBe(token);
    expect(server.asked('client_credentials')).toBe(1);
    expect(await source('tenant', desk(), 'bob@example.com').get()).not.toBe(token);
  });

  it('are renewed before they end, and forgotten by Redis when they do', async () => {
    const tokens = source('tenant');
    const first = await tokens.get();
    const ttl = await redis.client.pttl(tokenKeys.tokens(tokens.identity));
    expect(ttl).toBeGreaterThan(3_500_000);
    expect(ttl).toBeLessThanOrEqual(3_600_000);
    clock.aheadMs = 3_600_000 - 400_000;
    expect(await tokens.get()).toBe(first);
    clock.aheadMs += 120_000;
    expect(await tokens.get()).not.toBe(first);
  });

  it('that live still are used while the provider is away', async () => {
    const tokens = source('tenant');
    const first = await tokens.get();
    server.refusal = { status: 503, body: 'busy' };
    clock.aheadMs = 3_600_000 - 200_000;
    expect(await tokens.get()).toBe(first);
    clock.aheadMs = 3_700_000;
    expect(await codeOf(tokens.get())).toBe('oauth-unavailable');
    server.refusal = undefined;
    expect(await tokens.get()).not.toBe(first);
  });

  it('are renewed once for all who were refused with the same one', async () => {
    const [a, b] = [source('tenant'), source('tenant')];
    const refused = await a.get();
    const renewed = await Promise.all([a.renew(refused), b.renew(refused), a.renew(refused)]);
    expect(new Set(renewed).size).toBe(1);
    expect(renewed[0]).not.toBe(refused);
    expect(server.asked('client_credentials')).toBe(2);
  });

  it('that another process asks for are waited for', async () => {
    const other = (await redis.another()).client;
    let release = () => {};
    server.hold = new Promise((done) => {
      release = done;
    });
    const work = Promise.all([source('tenant').get(), source('tenant', desk(other)).get(), source('tenant').get()]);
    await expect.poll(() => server.requests.length, patient).toBe(1);
    release();
    expect(new Set(await work).size).toBe(1);
    expect(server.asked('client_credentials')).toBe(1);
  });

  it('that a process was killed over are asked for by the next one when its turn has lapsed', async () => {
    const tokens = source('tenant');
    await redis.client.set(tokenKeys.lock(tokens.identity), 'a dead process', 'PX', 1000);
    expect(server.isValid(await tokens.get())).toBe(true);
  });

  it('lie in Redis sealed, and are as good as none where they were changed', async () => {
    const tokens = source('tenant');
    const key = tokenKeys.tokens(tokens.identity);
    const first = await tokens.get();
    const text = (await redis.client.get(key))!;
    expect(text).not.toContain(first);
    const other = source('tenant', desk(), 'bob@example.com');
    await redis.client.set(tokenKeys.tokens(other.identity), text);
    expect(await other.get()).not.toBe(first);
    await redis.client.set(key, `${text.slice(0, -8)}AAAAAAA=`);
    expect(await tokens.get()).not.toBe(first);
  });

  it('are others when the settings name another app', async () => {
    const first = await source('tenant').get();
    const oauth = providersOf(server);
    Object.assign(oauth['tenant']!, { scope: 'mail offline_access' });
    expect(source('tenant', desk(redis.client, {}, oauth)).identity).not.toBe(source('tenant').identity);
    expect(server.isValid(first)).toBe(true);
  });
});

describe('tokens of a service account', () => {
  it('are given for the user whom its signed assertion names', async () => {
    writeFileSync(join(folder, 'key.json'), server.serviceKey);
    expect(server.isValid(await source('robot', desk(), 'recent:bob@example.com').get())).toBe(true);
    expect(server.subjects).toEqual(['bob@example.com']);
    expect(server.requests[0]!.body).not.toContain('client_id');
  });

  it('are not to be had without a key file that can sign, and say where it should be', async () => {
    const failed = await source('robot')
      .get()
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'secret-missing' });
    expect((failed as Error).message).toContain(join(folder, 'key.json'));
    writeFileSync(join(folder, 'key.json'), JSON.stringify({ client_email: 'x', private_key: 'not-a-key' }));
    expect(
      await codeOf(
        source(
          'robot',
          desk(
            redis.client,
            {},
            { robot: { ...providersOf(server, join(folder, 'key.json'))['robot'], tokenUrl: server.tokenUrl } },
          ),
        ).get(),
      ),
    ).toBe('secret-missing');
  });
});

describe('tokens by consent', () => {
  it('need the consent, and say how to have it', async () => {
    const failed = await source('person')
      .get()
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'oauth-consent-needed' });
    expect((failed as MailhaulError).remedy).toContain('mailhaul authorize');
    expect(server.requests).toEqual([]);
  });

  it('that the provider no longer accepts say so, with its own words and without the token', async () => {
    const tokens = await consented('refresh-canary-4711');
    const description = 'AADSTS50173: the grant refresh-canary-4711 is eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln gone';
    server.refusal = { status: 400, body: { error: 'invalid_grant', error_description: description } };
    const failed = (await tokens.get().catch((error: unknown) => error)) as MailhaulError;
    expect(failed.code).toBe('oauth-consent-revoked');
    expect(failed.message).toContain('AADSTS50173');
    expect(`${failed.message}${failed.stack}${JSON.stringify(failed)}`).not.toMatch(/canary-4711|eyJ/);
  });
});

describe('what a provider says', () => {
  it.each([
    [400, { error: 'invalid_scope' }, 'oauth-client-refused'],
    [401, { error: 'invalid_client', error_description: 'AADSTS7000215: wrong' }, 'oauth-client-refused'],
    [400, { error: 'unauthorized_client' }, 'oauth-client-refused'],
    [400, { error: 'invalid_grant' }, 'oauth-client-refused'],
    [400, { error: 'temporarily_unavailable' }, 'oauth-unavailable'],
    [429, { error: 'too_many_requests' }, 'oauth-unavailable'],
    [502, '<html>bad gateway</html>', 'oauth-unavailable'],
    [404, 'nothing here', 'oauth-unusable'],
    [200, 'not json', 'oauth-unusable'],
    [200, { access_token: 'x', token_type: 'mac' }, 'oauth-unusable'],
    [200, { access_token: 'x'.repeat(2_000_000), token_type: 'bearer' }, 'oauth-unusable'],
  ])('with status %i is put into the table: %#', async (status, body, code) => {
    server.refusal = { status, body };
    const failed = (await source('tenant')
      .get()
      .catch((error: unknown) => error)) as MailhaulError;
    expect(failed).toBeInstanceOf(MailhaulError);
    expect(failed.code).toBe(code);
    expect(failed.message).not.toContain(server.tenantSecret);
  });

  it('is nothing where nobody answers, or not in time', async () => {
    const gone = await OAuthServer.start();
    await gone.close();
    const nobody = { tenant: { ...providersOf(gone)['tenant'] } };
    expect(await codeOf(source('tenant', desk(redis.client, {}, nobody)).get())).toBe('oauth-unavailable');
    let release = () => {};
    server.hold = new Promise((done) => {
      release = done;
    });
    expect(await codeOf(source('tenant', desk(redis.client, { oauthTimeoutMs: 200 })).get())).toBe('oauth-unavailable');
    release();
  });

  it('is waited for no longer when the process ends', async () => {
    let release = () => {};
    server.hold = new Promise((done) => {
      release = done;
    });
    const end = new AbortController();
    const settings = settingsWith(providersOf(server));
    const env = { ...sealEnv, TENANT_SECRET: server.tenantSecret };
    const ending = () =>
      source('tenant', new TokenDesk({ redis: redis.client, settings, env, signal: end.signal })).get();
    // One asks, the other waits for it.
    const work = Promise.allSettled([ending(), ending()]);
    await expect.poll(() => server.requests.length, patient).toBe(1);
    end.abort();
    expect((await work).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    release();
  });

  it('is not asked where a client secret is missing', async () => {
    const oauth = { tenant: { ...providersOf(server)['tenant'], clientSecret: 'env:NOT_THERE' } };
    expect(await codeOf(source('tenant', desk(redis.client, {}, oauth)).get())).toBe('secret-missing');
    expect(server.requests).toEqual([]);
    expect(clients.tenant).toBe('tenant-app');
  });
});
