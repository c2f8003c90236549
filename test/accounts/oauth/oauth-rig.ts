/** Token desks for tests: settings that name an OAuth2 server, and accounts that log in with its tokens. */
import { randomBytes } from 'node:crypto';
import type { Account } from '../../../src/accounts/account.ts';
import { TokenDesk } from '../../../src/accounts/oauth/token-desk.ts';
import { SecretRef } from '../../../src/accounts/secret.ts';
import type { Clock } from '../../../src/ground/clock.ts';
import type { RedisClient } from '../../../src/ground/redis.ts';
import type { Settings } from '../../../src/ground/settings.ts';
import { type LoadedSettings, loadSettings } from '../../../src/ground/settings-load.ts';
import { clients, type OAuthServer } from '../../servers/oauth-server.ts';
import { accountOf } from '../account-rig.ts';

/** The key of the seal, and the variable that the client secret is in. */
export const sealEnv = { MAILHAUL_SEAL_KEY: randomBytes(32).toString('base64') };

/** How a test waits for what happens in any case: a loaded machine may take long over a first request. */
export const patient = { timeout: 30_000 } as const;

/** What stands under `oauth` in the settings: the three kinds, all at one server. */
export function providersOf(server: OAuthServer, keyFile = '/nowhere/key.json'): Record<string, object> {
  return {
    tenant: {
      kind: 'client-credentials',
      tokenUrl: server.tokenUrl,
      clientId: clients.tenant,
      clientSecret: 'env:TENANT_SECRET',
      scope: 'mail',
    },
    person: { kind: 'refresh-token', issuer: server.issuer, clientId: clients.person, scope: 'mail' },
    robot: { kind: 'service-account', keyFile, scope: 'mail' },
  };
}

/** The same server, by an app that signs: for a tenant and for persons. */
export function certifiedOf(server: OAuthServer, clientKeyFile: string, more: object = {}): Record<string, object> {
  const app = { clientId: clients.certified, clientKeyFile, scope: 'mail', ...more };
  return {
    tenant: { kind: 'client-credentials', tokenUrl: server.tokenUrl, ...app },
    person: { kind: 'refresh-token', issuer: server.issuer, ...app },
  };
}

/** Settings with these providers; `more` changes others. */
export function settingsWith(oauth: Record<string, object>, more: Partial<Settings> = {}): LoadedSettings {
  return loadSettings({ env: {}, options: { ...more, oauth: oauth as never } });
}

/** A desk as one process has it. */
export function deskOf(
  redis: RedisClient,
  server: OAuthServer,
  settings: LoadedSettings,
  clock?: Clock,
  ca?: string,
): TokenDesk {
  const env = { ...sealEnv, TENANT_SECRET: server.tenantSecret };
  return new TokenDesk({ redis, settings, env, ...(clock && { clock }), ...(ca && { ca }) });
}

/** An account whose both sides log in with tokens of this provider. */
export function tokenAccount(user: string, provider: string): Account {
  const side = { auth: `oauth2:${provider}`, password: SecretRef.none };
  return accountOf(user, { from: side, to: side });
}

/** The machine's clock, ahead by so many milliseconds. */
export class ShiftedClock implements Clock {
  aheadMs = 0;

  now(): number {
    return Date.now() + this.aheadMs;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resume) => setTimeout(resume, ms));
  }
}
