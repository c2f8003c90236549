/** A person's consent for an account: asked for, tried, and kept, sealed, for all processes and hosts. */
import type { Account } from '../accounts/account.ts';
import { consentByBrowser, consentByDevice } from '../accounts/oauth/consent.ts';
import { TokenDesk } from '../accounts/oauth/token-desk.ts';
import type { TokenOwner } from '../accounts/oauth/token-source.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { forgetRefusals } from '../limits/credentials.ts';
import { loginKey } from '../limits/lease.ts';

/** What asking for consent takes. */
export interface AuthorizeOptions {
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly env: NodeJS.ProcessEnv;
  /** By a code that is typed in on any machine, instead of a browser on this one. */
  readonly device: boolean;
  readonly signal: AbortSignal;
  /** Shows lines to the person. */
  readonly tell: (text: string) => void;
}

/** One consent that was given. */
export interface Authorized {
  readonly side: 'source' | 'destination';
  /** The name under `oauth` in the settings. */
  readonly provider: string;
  readonly user: string;
}

/**
 * Asks for the consent that each side of the account needs, one for both where they are the same. Throws `usage`
 * where none is needed, `oauth-consent-refused`, and what getting tokens brings.
 */
export async function authorize(account: Account, options: AuthorizeOptions): Promise<Authorized[]> {
  const { redis, settings, env, signal } = options;
  const desk = new TokenDesk({ redis, settings, env, signal });
  const owners = (['source', 'destination'] as const)
    .map((side) => desk.ownerOf(account, side))
    .filter((owner) => owner?.kind === 'refresh-token') as TokenOwner[];
  if (owners.length === 0) {
    const reason = `${account.id} needs nobody's consent: neither pop_auth nor imap_auth is oauth2: with a provider of the kind refresh-token`;
    throw new MailhaulError('usage', { reason });
  }
  const done = new Set<string>();
  for (const owner of owners) {
    const tokens = desk.tokensOf(owner);
    if (!done.has(tokens.identity)) await askOne(desk, owner, options);
    done.add(tokens.identity);
    // Earlier refusals were of tokens that are no more.
    await forgetRefusals(redis, loginKey(owner.side === 'source' ? 'pop' : 'imap', account[owner.side]));
  }
  return owners.map(({ side, provider, user }) => ({ side, provider, user }));
}

async function askOne(desk: TokenDesk, owner: TokenOwner, options: AuthorizeOptions): Promise<void> {
  const { settings, tell } = options;
  const { provider, user } = owner;
  const timeout = AbortSignal.timeout(settings.oauthAuthorizeTimeoutMs);
  const asked = { provider, user, tell, signal: AbortSignal.any([options.signal, timeout]) };
  const exchange = await desk.exchangeFor(owner);
  const byDevice = options.device || !exchange.asksBrowsers;
  if (byDevice && !exchange.asksDevices) {
    const reason = `oauth.${provider} has no deviceUrl: leave --device out and use a browser on this machine`;
    throw new MailhaulError('usage', { reason });
  }
  const { redirectUrl } = desk.providerOf(provider);
  const given = await (byDevice ? consentByDevice(exchange, asked) : consentByBrowser(exchange, redirectUrl, asked));
  if (given.refresh === undefined) {
    const reason = 'it gave no refresh token: the scope may need offline_access, or the app may not have one';
    throw new MailhaulError('oauth-consent-refused', { provider, user, reason });
  }
  // One that does not work shall be known now, while the person is still here.
  await desk.tokensOf(owner).consent(given, await exchange.refresh(given.refresh));
}
