import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TokenStore } from '../../../src/accounts/oauth/token-store.ts';
import { openSeal } from '../../../src/accounts/seal-check.ts';
import { tokenKeys } from '../../../src/ground/keys.ts';
import { withPreset } from '../../../src/ground/settings-oauth.ts';
import { authorize } from '../../../src/operations/authorize.ts';
import { codeOf, useRedis } from '../../ledger/redis-rig.ts';
import { browse } from '../../servers/oauth-browser.ts';
import { OAuthServer } from '../../servers/oauth-server.ts';
import { deskOf, patient, providersOf, ShiftedClock, sealEnv, settingsWith, tokenAccount } from './oauth-rig.ts';

const redis = useRedis();
const ann = tokenAccount('ann@example.com', 'person');
let server: OAuthServer;
let clock: ShiftedClock;

beforeEach(async () => {
  server = await OAuthServer.start();
  clock = new ShiftedClock();
});

afterEach(() => server.close());

/** Runs the operation; `act` gets what a person would be shown. */
async function asked(act: (shown: string) => Promise<unknown>, more: object = {}, oauth = providersOf(server)) {
  const acts: Promise<unknown>[] = [];
  try {
    return await authorize(ann, {
      redis: redis.client,
      settings: settingsWith(oauth),
      env: sealEnv,
      device: false,
      signal: new AbortController().signal,
      tell: (text) => void acts.push(act(text)),
      ...more,
    });
  } finally {
    // The browser has its last page before the servers end.
    await Promise.all(acts);
  }
}

/** The first address in a text. */
function addressIn(text: string): string {
  return /https?:\S+/.exec(text)![0];
}

function tokens(more: object = {}) {
  const desk = deskOf(redis.client, server, settingsWith(providersOf(server), more), clock);
  return desk.sourceFor(ann, 'source')!;
}

describe('a consent by browser', () => {
  it('is asked for with PKCE and a state, tried, and kept for both sides', async () => {
    let page = '';
    const given = await asked(async (shown) => {
      const address = new URL(addressIn(shown));
      expect(address.searchParams.get('code_challenge_method')).toBe('S256');
      expect(address.searchParams.get('login_hint')).toBe('ann@example.com');
      expect(new URL(address.searchParams.get('redirect_uri')!).hostname).toBe('127.0.0.1');
      page = (await browse(address.href)).text;
    });
    expect(page).toContain('You may close this window');
    expect(given).toEqual([
      { side: 'source', provider: 'person', user: 'ann@example.com' },
      { side: 'destination', provider: 'person', user: 'ann@example.com' },
    ]);
    expect([server.asked('authorization_code'), server.asked('refresh_token')]).toEqual([1, 1]);
    const token = await tokens().get();
    expect(server.isValid(token)).toBe(true);
    expect(server.asked('refresh_token')).toBe(1);
    expect(await redis.client.pttl(tokenKeys.tokens(tokens().identity))).toBe(-1);
  });

  it('is not taken from an answer with another state, which does not end the waiting', async () => {
    await asked(async (shown) => {
      const address = new URL(addressIn(shown));
      const forged = new URL(address.searchParams.get('redirect_uri')!);
      forged.search = '?code=forged&state=forged';
      const answer = await fetch(forged);
      expect(answer.status).toBe(400);
      expect((await fetch(new URL('/favicon.ico', forged))).status).toBe(400);
      // No address at all: with nobody to catch it, it would end the program.
      expect((await fetch(`${forged.origin}//`)).status).toBe(400);
      await browse(address.href);
    });
    expect(server.requests.some(({ body }) => body.includes('forged'))).toBe(false);
    expect(server.isValid(await tokens().get())).toBe(true);
  });

  it('that the person does not give, or not in time, leaves nothing behind', async () => {
    const refused = asked(async (shown) => {
      const address = new URL(addressIn(shown));
      const back = new URL(address.searchParams.get('redirect_uri')!);
      back.search = `?error=access_denied&state=${address.searchParams.get('state')}`;
      await fetch(back);
    });
    expect(await codeOf(refused)).toBe('oauth-consent-refused');
    const late = { settings: settingsWith(providersOf(server), { oauthAuthorizeTimeoutMs: 50 }) };
    expect(await codeOf(asked(async () => {}, late))).toBe('oauth-consent-refused');
    expect(await codeOf(tokens().get())).toBe('oauth-consent-needed');
  });

  it('without a refresh token that works is none', async () => {
    server.refusal = { status: 400, body: { error: 'invalid_grant' } };
    server.refuses = (grant) => grant === 'refresh_token';
    const work = asked((shown) => browse(addressIn(shown)));
    expect(await codeOf(work)).toBe('oauth-consent-revoked');
    expect(await codeOf(tokens().get())).toBe('oauth-consent-needed');
  });

  it('is not asked for where no side needs any', async () => {
    const other = tokenAccount('ann@example.com', 'tenant');
    const settings = settingsWith(providersOf(server));
    const options = { redis: redis.client, settings, env: {}, device: false, signal: new AbortController().signal };
    expect(await codeOf(authorize(other, { ...options, tell: () => {} }))).toBe('usage');
  });
});

describe('a consent by device code', () => {
  it('is waited for while the person types the code in elsewhere', async () => {
    await asked(
      async (shown) => {
        if (!shown.includes('user_code=')) return;
        expect((await browse(addressIn(shown))).text).toContain('Success');
      },
      { device: true },
    );
    expect(server.isValid(await tokens().get())).toBe(true);
  });

  it('is not to be had where the provider gives none to devices', async () => {
    const person = {
      ...providersOf(server)['person'],
      tokenUrl: server.tokenUrl,
      authorizationUrl: `${server.issuer}/auth`,
    };
    expect(await codeOf(asked(async () => {}, { device: true }, { person }))).toBe('usage');
  });
});

describe('refresh tokens that the provider exchanges', () => {
  beforeEach(async () => {
    await asked((shown) => browse(addressIn(shown)));
  });

  it('are kept in the place of the used one, again and again', async () => {
    const seen = new Set([await tokens().get()]);
    for (let turn = 0; turn < 3; turn += 1) {
      clock.aheadMs += 3_600_000;
      seen.add(await tokens().get());
    }
    expect(seen.size).toBe(4);
    expect(new Set(server.refreshTokens).size).toBe(server.refreshTokens.length);
    expect(server.refreshTokens.length).toBeGreaterThan(4);
  });

  it('are asked for by one of two processes, whoever comes first', async () => {
    const before = server.asked('refresh_token');
    clock.aheadMs = 3_600_000;
    const other = deskOf((await redis.another()).client, server, settingsWith(providersOf(server)), clock);
    const given = await Promise.all([tokens().get(), other.sourceFor(ann, 'destination')!.get(), tokens().get()]);
    expect(new Set(given).size).toBe(1);
    expect(server.asked('refresh_token')).toBe(before + 1);
  });

  it('are written even when the turn of the process lapsed meanwhile', async () => {
    clock.aheadMs = 3_600_000;
    let release = () => {};
    server.hold = new Promise((done) => {
      release = done;
    });
    const before = server.asked('refresh_token');
    const slow = tokens().get();
    await expect.poll(() => server.asked('refresh_token'), patient).toBe(before + 1);
    await redis.client.del(tokenKeys.lock(tokens().identity));
    release();
    server.hold = undefined;
    const token = await slow;
    expect(await tokens().get()).toBe(token);
    clock.aheadMs += 3_600_000;
    expect(await tokens().get()).not.toBe(token);
  });

  it('are written over what another process wrote with the same one meanwhile', async () => {
    let release = () => {};
    server.hold = new Promise((done) => {
      release = done;
    });
    clock.aheadMs = 3_600_000;
    const before = server.asked('refresh_token');
    const slow = tokens().get();
    await expect.poll(() => server.asked('refresh_token'), patient).toBe(before + 1);
    const key = tokenKeys.tokens(tokens().identity);
    const { seal } = await openSeal(redis.client, settingsWith(providersOf(server)), sealEnv);
    const store = new TokenStore(redis.client, seal);
    const found = await store.read(tokens().identity);
    expect(await store.replace(tokens().identity, found, { ...found.record!, endsAt: 1 }, clock.now())).toBe(true);
    const meanwhile = await redis.client.get(key);
    release();
    server.hold = undefined;
    await slow;
    expect(await redis.client.get(key)).not.toBe(meanwhile);
    expect((await store.read(tokens().identity)).record!.refresh).toBe(server.refreshTokens.at(-1));
  });

  it('that were lost with a process that was killed are made good by the one before, where the provider still knows it', async () => {
    const key = tokenKeys.tokens(tokens().identity);
    const stored = (await redis.client.get(key))!;
    // Killed between answer and store: what the provider gave is lost.
    server.refusal = { status: 200, body: { access_token: 'lost', token_type: 'bearer', refresh_token: 'lost-too' } };
    clock.aheadMs = 3_600_000;
    expect(await tokens().get()).toBe('lost');
    server.refusal = undefined;
    await redis.client.set(key, stored);
    expect(server.isValid(await tokens().get())).toBe(true);
  });

  it('that the provider does not know, though they were stored, are made good by the one before', async () => {
    // A provider that went back to an earlier moment: it never heard of the newest one.
    server.refusal = { status: 200, body: { access_token: 'a', token_type: 'bearer', refresh_token: 'unheard-of' } };
    clock.aheadMs = 3_600_000;
    expect(await tokens().get()).toBe('a');
    server.refusal = undefined;
    clock.aheadMs += 3_600_000;
    expect(server.isValid(await tokens().get())).toBe(true);
  });
});

describe('presets', () => {
  it('know what Microsoft and Google document', () => {
    const tenant = { kind: 'client-credentials', preset: 'microsoft', tenant: 'contoso.example' } as const;
    expect(withPreset({ ...tenant, clientAuth: 'post', clientId: 'x' })).toMatchObject({
      tokenUrl: 'https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token',
      scope: 'https://outlook.office365.com/.default',
    });
    const google = withPreset({ kind: 'refresh-token', preset: 'google', clientAuth: 'post', clientId: 'x' });
    expect(google).toMatchObject({
      scope: 'https://mail.google.com/',
      tokenUrl: 'https://oauth2.googleapis.com/token',
    });
    expect(google.deviceUrl).toBeUndefined();
  });
});
