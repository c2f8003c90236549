import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MailhaulError } from '../../../src/ground/errors.ts';
import { withPreset } from '../../../src/ground/settings-oauth.ts';
import { authorize } from '../../../src/operations/authorize.ts';
import { keyWarnings } from '../../../src/operations/settings-safety.ts';
import { useRedis } from '../../ledger/redis-rig.ts';
import { makeAppCertificate, makeSelfSigned } from '../../servers/certificates.ts';
import { browse } from '../../servers/oauth-browser.ts';
import { clients, OAuthServer } from '../../servers/oauth-server.ts';
import { certifiedOf, deskOf, sealEnv, settingsWith, tokenAccount } from './oauth-rig.ts';

const redis = useRedis();
const app = makeAppCertificate();
let folder: string;
let server: OAuthServer;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailhaul-client-key-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  server = await OAuthServer.start({ certificate: app.cert });
  file('app.key', app.key);
  file('app.pem', app.cert);
});

afterEach(() => server.close());

function file(name: string, text: string): string {
  const path = join(folder, name);
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const at = (name: string) => join(folder, name);

/** An access token for the whole tenant, by a desk of its own. */
function token(more: object = {}, user = 'ann@example.com'): Promise<string> {
  const desk = deskOf(redis.client, server, settingsWith(certifiedOf(server, at('app.key'), more)));
  return desk.sourceFor(tokenAccount(user, 'tenant'), 'source')!.get();
}

/** What a desk throws; nothing of a key is in it. */
async function failure(more: object = {}): Promise<MailhaulError> {
  const error = (await token(more).catch((thrown: unknown) => thrown)) as MailhaulError;
  const shown = `${error.message}${error.stack}${JSON.stringify(error)}`;
  const secrets = [...app.key.split('\n').filter((line) => line.length > 40), 'key-canary'];
  for (const secret of secrets) expect(shown).not.toContain(secret);
  expect(shown).not.toMatch(/eyJ/);
  return error;
}

/** The assertions that the token endpoint got, in order. */
function assertions(): string[] {
  return server.requests.map(({ body }) => new URLSearchParams(body).get('client_assertion')!);
}

describe('an app that signs in the place of a secret', () => {
  it.each(['RS256', 'PS256'])('gets tokens by %s, and names its certificate to the token endpoint', async (alg) => {
    const given = await token({ clientCertFile: at('app.pem'), clientKeyAlgorithm: alg });
    expect(server.isValid(given)).toBe(true);
    await token({ clientCertFile: at('app.pem') }, 'bob@example.com');
    const [first, second] = assertions();
    const { fingerprint, fingerprint256 } = new X509Certificate(app.cert);
    const thumbprint = (printed: string) => Buffer.from(printed.replaceAll(':', ''), 'hex').toString('base64url');
    const prints = { x5t: thumbprint(fingerprint), 'x5t#S256': thumbprint(fingerprint256) };
    expect(decodeProtectedHeader(first!)).toEqual({ alg, typ: 'JWT', ...prints });
    const names = { iss: clients.certified, sub: clients.certified, aud: server.tokenUrl };
    expect(decodeJwt(first!)).toMatchObject(names);
    expect(decodeJwt(second!).jti).not.toBe(decodeJwt(first!).jti);
    expect(server.requests[0]!.body).not.toContain('client_secret');
  });

  it('needs no certificate where the provider knows the bare key', async () => {
    expect(server.isValid(await token())).toBe(true);
    expect(decodeProtectedHeader(assertions()[0]!)).toEqual({ alg: 'RS256', typ: 'JWT' });
  });

  it('takes key and certificate from one file', async () => {
    const both = file('both.pem', app.cert + app.key);
    await token({ clientKeyFile: both, clientCertFile: both });
    expect(decodeProtectedHeader(assertions()[0]!)['x5t#S256']).toBeDefined();
  });

  it('signs for a consent and for each refresh', async () => {
    const oauth = certifiedOf(server, at('app.key'));
    const ann = tokenAccount('ann@example.com', 'person');
    const pages: Promise<unknown>[] = [];
    await authorize(ann, {
      redis: redis.client,
      settings: settingsWith(oauth),
      env: sealEnv,
      device: false,
      signal: new AbortController().signal,
      tell: (text) => void pages.push(browse(/https?:\S+/.exec(text)![0])),
    });
    await Promise.all(pages);
    const given = await deskOf(redis.client, server, settingsWith(oauth)).sourceFor(ann, 'source')!.get();
    expect(server.isValid(given)).toBe(true);
    expect(server.requests.map(({ grant }) => grant)).toEqual(['authorization_code', 'refresh_token']);
    expect(new Set(assertions()).size).toBe(2);
  });

  it('reads its key each time, and is refused with another one', async () => {
    file('app.key', makeAppCertificate().key);
    expect(await failure()).toMatchObject({ code: 'oauth-client-refused' });
    file('app.key', app.key);
    expect(server.isValid(await token())).toBe(true);
  });

  it('is told by the provider why, without what it had signed', async () => {
    await token();
    const description = `AADSTS700027: the assertion ${assertions()[0]} failed signature validation`;
    server.refusal = { status: 401, body: { error: 'invalid_client', error_description: description } };
    const error = (await token({}, 'eve@example.com').catch((thrown: unknown) => thrown)) as MailhaulError;
    expect(error.message).toContain('AADSTS700027');
    expect(error.message).not.toContain('eyJ');
  });
});

describe('a key or certificate that cannot be used', () => {
  const spki = { type: 'spki', format: 'pem' } as const;
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const sealed = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'key-canary' } as const;

  it.each([
    ['is not there', undefined, /cannot be read \(ENOENT\)/],
    ['is no key', 'key-canary', /holds no private key as PEM text/],
    ['is half a key', app.key.slice(0, 400), /holds no private key as PEM text/],
    ['is a public key', curve.publicKey.export(spki) as string, /holds no private key/],
    [
      'is no RSA key',
      curve.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      /no RSA key of at least 2048/,
    ],
    ['is too short', weak.export({ type: 'pkcs8', format: 'pem' }) as string, /no RSA key of at least 2048/],
    ['has a passphrase', weak.export(sealed) as string, /has a passphrase/],
  ])('says so where the key %s', async (_, text, reason) => {
    rmSync(at('app.key'));
    if (text !== undefined) file('app.key', text);
    const error = await failure();
    expect(error).toMatchObject({ code: 'oauth-key-unusable', details: { provider: 'oauth2:tenant' } });
    expect(error.message).toMatch(reason);
    expect(error.message).toContain(at('app.key'));
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['is not there', () => undefined, /cannot be read \(ENOENT\)/],
    ['is none', () => app.key, /holds no certificate/],
    ['belongs to another key', () => makeSelfSigned().cert, /does not belong to the key/],
  ])('says so where the certificate %s', async (_, text, reason) => {
    rmSync(at('app.pem'));
    const given = text();
    if (given !== undefined) file('app.pem', given);
    const error = await failure({ clientCertFile: at('app.pem') });
    expect(error.code).toBe('oauth-key-unusable');
    expect(error.message).toMatch(reason);
    expect(server.requests).toEqual([]);
  });

  it('says when the certificate has ended, and asks nobody', async () => {
    const ended = makeAppCertificate(-1);
    file('app.key', ended.key);
    file('app.pem', ended.cert);
    const error = await failure({ clientCertFile: at('app.pem') });
    expect(error.code).toBe('oauth-key-unusable');
    expect(error.message).toMatch(/app\.pem ended at 20\d\d-\d\d-\d\dT/);
    expect(server.requests).toEqual([]);
  });
});

describe('a private key that others can read', () => {
  it('draws a warning, whoever signs with it', () => {
    const robot = { kind: 'service-account', preset: 'google', keyFile: file('robot.json', '{}') };
    const settings = settingsWith({ ...certifiedOf(server, at('app.key')), robot });
    expect(keyWarnings(settings)).toEqual([]);
    chmodSync(at('app.key'), 0o640);
    chmodSync(at('robot.json'), 0o644);
    const warnings = keyWarnings(settings);
    expect(warnings.map(({ code }) => code)).toEqual(Array(3).fill('oauth-key-readable'));
    expect(warnings.map(({ details }) => [details['name'], details['mode']]).sort()).toEqual([
      ['person', '640'],
      ['robot', '644'],
      ['tenant', '640'],
    ]);
    expect(keyWarnings(settingsWith(certifiedOf(server, at('nowhere.key'))))).toEqual([]);
  });
});

describe('the preset of Microsoft', () => {
  it('signs as Microsoft documents it, unless another algorithm was written', () => {
    const tenant = {
      kind: 'client-credentials',
      preset: 'microsoft',
      tenant: 'x.example',
      clientAuth: 'post',
    } as const;
    expect(withPreset(tenant).clientKeyAlgorithm).toBe('PS256');
    expect(withPreset({ ...tenant, clientKeyAlgorithm: 'RS256' }).clientKeyAlgorithm).toBe('RS256');
  });
});
