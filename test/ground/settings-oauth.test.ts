import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { MailhaulError } from '../../src/ground/errors.ts';
import { packageRoot } from '../../src/ground/package-root.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { isSafeUrl, oauthSchema } from '../../src/ground/settings-oauth.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-oauth-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What is wrong with the providers of a settings file, without the place. */
function faults(oauth: object, env: NodeJS.ProcessEnv = {}): string[] {
  const configFile = join(folder, 'settings.yaml');
  writeFileSync(configFile, JSON.stringify({ oauth }));
  try {
    loadSettings({ configFile, env, options: {} });
    return [];
  } catch (error) {
    return String((error as MailhaulError).details['reason'])
      .split(';\n')
      .map((line) => line.replace(/^.*settings\.yaml line 1: /, ''));
  }
}

const certificate = { clientKeyFile: 'app.key', clientCertFile: 'app.pem' };
const app = { clientId: 'app', clientSecret: 'hunter2-hunter2' };

describe('oauth in the settings', () => {
  it('takes what each kind needs', () => {
    const tokenUrl = 'https://login.example.com/token';
    const good = {
      m365: { kind: 'client-credentials', preset: 'microsoft', tenant: 'contoso.example', ...app },
      'corp.1': { kind: 'client-credentials', tokenUrl, ...app, clientAuth: 'basic' },
      home: { kind: 'refresh-token', preset: 'microsoft', clientId: 'app' },
      other: { kind: 'refresh-token', issuer: 'https://login.example.com', clientId: 'app', scope: 'mail' },
      local: { kind: 'refresh-token', issuer: 'http://127.0.0.1:8080', clientId: 'app', scope: 'mail' },
      signed: {
        kind: 'client-credentials',
        tokenUrl,
        clientId: 'app',
        clientKeyFile: 'k',
        clientKeyAlgorithm: 'PS256',
      },
      home2: { kind: 'refresh-token', preset: 'microsoft', clientId: 'app', ...certificate },
      workspace: { kind: 'service-account', preset: 'google', keyFile: 'key.json' },
    };
    expect(faults(good)).toEqual([]);
  });

  it('says all that is missing or has no meaning, and shows no secret', () => {
    expect(faults({ a: { kind: 'client-credentials', preset: 'microsoft', ...app } })).toEqual([
      'oauth.a: the kind client-credentials needs tenant',
    ]);
    expect(faults({ a: { kind: 'refresh-token', clientId: 'x', keyFile: 'k' } })).toEqual([
      'oauth.a: keyFile has no meaning for the kind refresh-token',
      'oauth.a: the kind refresh-token needs tokenUrl, issuer or preset',
      'oauth.a: the kind refresh-token needs authorizationUrl, deviceUrl or issuer',
      'oauth.a: the kind refresh-token needs scope',
    ]);
    expect(faults({ a: { kind: 'service-account', preset: 'microsoft', ...app } }).join()).toContain('keyFile');
    expect(faults({ a: { kind: 'client-credentials', preset: 'google', ...app } }).join()).toContain('service-account');
    for (const wrong of [
      { kind: 'magic', ...app },
      { kind: 'client-credentials', clientSecret: 7, hunter2: 1 },
    ]) {
      expect(faults({ a: wrong }).join()).not.toContain('hunter2-');
    }
  });

  it('takes a secret or a key of the app, not both, and names the fields', () => {
    const corp = { kind: 'client-credentials', preset: 'microsoft', tenant: 'x.example' };
    const both = { ...corp, ...app, ...certificate };
    expect(faults({ a: both })).toEqual(['oauth.a: clientSecret and clientKeyFile exclude each other']);
    expect(faults({ a: { ...corp, clientId: 'x' } })).toEqual([
      'oauth.a: the kind client-credentials needs clientSecret or clientKeyFile',
    ]);
    expect(faults({ a: { ...corp, ...app, clientCertFile: 'app.pem', clientKeyAlgorithm: 'RS256' } })).toEqual([
      'oauth.a: clientCertFile goes with clientKeyFile',
      'oauth.a: clientKeyAlgorithm goes with clientKeyFile',
    ]);
    expect(faults({ a: { ...corp, clientId: 'x', clientKeyFile: 'app.key' } }).join()).toContain(
      'needs clientCertFile',
    );
    const robot = { kind: 'service-account', preset: 'google', keyFile: 'k', clientKeyFile: 'app.key' };
    expect(faults({ a: robot })).toEqual(['oauth.a: clientKeyFile has no meaning for the kind service-account']);
  });

  it('takes no address to which secrets would go in the clear', () => {
    for (const tokenUrl of ['http://login.example.com/token', 'http://127.0.0.1.example.com/', 'ftp://x', 'no url']) {
      expect(isSafeUrl(tokenUrl)).toBe(false);
      const [fault, ...more] = faults({ a: { kind: 'client-credentials', tokenUrl, ...app } });
      expect(more).toEqual([]);
      expect(fault).toContain('oauth.a.tokenUrl');
    }
    expect(['http://localhost:1/t', 'http://[::1]/t', 'https://x.example/'].every(isSafeUrl)).toBe(true);
    const redirectUrl = 'http://example.com/back';
    expect(faults({ a: { kind: 'refresh-token', preset: 'google', clientId: 'x', redirectUrl } })).toHaveLength(1);
  });

  it('adds what a variable gives to what a file gives, name by name', () => {
    const configFile = join(folder, 'base.yaml');
    writeFileSync(
      configFile,
      JSON.stringify({ oauth: { a: { kind: 'service-account', preset: 'google', keyFile: 'k' } } }),
    );
    const env = {
      MAILHAUL_OAUTH: '{ a: { keyFile: other }, b: { kind: service-account, preset: google, keyFile: b } }',
    };
    const { oauth } = loadSettings({ configFile, env, options: {} });
    expect([oauth['a']!.keyFile, oauth['b']!.keyFile]).toEqual(['other', 'b']);
  });

  it('is explained by examples that are right', () => {
    const page = readFileSync(join(packageRoot(), 'docs', 'oauth.md'), 'utf8');
    const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => parse(text!));
    expect(examples.length).toBeGreaterThan(3);
    for (const { oauth } of examples) if (oauth) expect(oauthSchema.safeParse(oauth).error).toBeUndefined();
    const fields = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    const given = 'kind preset tenant issuer tokenUrl authorizationUrl deviceUrl clientId clientSecret clientAuth';
    const ofKey = ['clientKeyFile', 'clientCertFile', 'clientKeyAlgorithm'];
    expect(fields).toEqual([...given.split(' '), ...ofKey, 'scope', 'redirectUrl', 'keyFile']);
  });
});
