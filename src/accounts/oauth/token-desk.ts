/** Where a login gets its access token: from Redis while it lives, else from the provider, one process at a time. */
import { resolve } from 'node:path';
import { type Clock, systemClock } from '../../ground/clock.ts';
import { hexDigest } from '../../ground/digest.ts';
import { MailhaulError } from '../../ground/errors.ts';
import type { RedisClient } from '../../ground/redis.ts';
import type { LoadedSettings } from '../../ground/settings-load.ts';
import { type OAuthProvider, withPreset } from '../../ground/settings-oauth.ts';
import { readTransport } from '../../transport/read-transport.ts';
import type { Account } from '../account.ts';
import { claimSeal, openSeal } from '../seal-check.ts';
import { SecretRef } from '../secret.ts';
import type { TokenFor } from './classify.ts';
import type { TokenExchange } from './exchange.ts';
import { RedisTokens } from './redis-tokens.ts';
import type { TokenOwner, TokenSource } from './token-source.ts';
import { TokenStore } from './token-store.ts';

/** What the desk works with. */
export interface TokenDeskContext {
  readonly redis: RedisClient;
  readonly settings: Pick<
    LoadedSettings,
    | 'oauth'
    | 'oauthRefreshEarlyMs'
    | 'oauthTimeoutMs'
    | 'oauthAnswerMaxBytes'
    | 'connections'
    | 'dataDir'
    | 'sealKeyFile'
  >;
  /** Variables that client secrets, passwords of proxies and the key of the seal may be in. */
  readonly env: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  /** Authorities that are trusted for providers instead of those of Node.js, as PEM text. */
  readonly ca?: string;
  /** Ends what is under way: nobody waits for tokens any longer. */
  readonly signal?: AbortSignal;
}

/** Gives out tokens for accounts with `oauth2:NAME`. One a process. */
export class TokenDesk {
  readonly #context: TokenDeskContext;
  #store: Promise<TokenStore> | undefined;

  constructor(context: TokenDeskContext) {
    this.#context = context;
  }

  /** The name that a side's `auth` has behind `oauth2:`; undefined where it has none. */
  static nameIn(auth: string): string | undefined {
    return /^oauth2:(.+)$/i.exec(auth)?.[1];
  }

  /** The tokens of one side of an account; undefined where it does not log in with any. Throws `settings-invalid`. */
  sourceFor(account: Account, side: 'source' | 'destination'): TokenSource | undefined {
    const owner = this.ownerOf(account, side);
    return owner && this.tokensOf(owner);
  }

  /** Whose token a side needs; undefined where it needs none. Throws `settings-invalid`. */
  ownerOf(account: Account, side: 'source' | 'destination'): TokenOwner | undefined {
    const { auth, user, authzUser } = account[side];
    const provider = TokenDesk.nameIn(auth);
    if (provider === undefined) return undefined;
    const { kind } = this.providerOf(provider);
    // Gmail: recent:USER asks for other mail of the same user.
    const person = user.replace(/^recent:/i, '');
    return {
      account: account.id,
      side,
      provider,
      kind,
      user: kind === 'service-account' ? (authzUser ?? person) : person,
    };
  }

  /** The tokens of an owner. */
  tokensOf(owner: TokenOwner): RedisTokens {
    const { settings, clock = systemClock, signal } = this.#context;
    const provider = this.providerOf(owner.provider);
    return new RedisTokens({
      owner,
      provider,
      identity: identityOf(provider, owner.user),
      settings,
      clock,
      signal,
      store: () => this.#openStore(),
      exchange: (tokenUrl) => this.exchangeFor(owner, tokenUrl),
    });
  }

  /** A provider by its name, with what its preset supplies. Throws `settings-invalid`. */
  providerOf(name: string): OAuthProvider {
    const { oauth } = this.#context.settings;
    if (Object.hasOwn(oauth, name)) return withPreset(oauth[name]!);
    const names = Object.keys(oauth).join(', ') || 'nothing';
    throw new MailhaulError('settings-invalid', { reason: `there is no ${name} under oauth, only ${names}` });
  }

  /**
   * The provider, ready to be asked; its client secret or key is read each time, so that a changed one is noticed.
   * `tokenUrl` is used where the settings name none.
   */
  async exchangeFor(asked: TokenFor, tokenUrl?: string): Promise<TokenExchange> {
    const { settings, env, ca, signal } = this.#context;
    const provider = this.providerOf(asked.provider);
    const clientSecret = await readClientSecret(asked.provider, provider, env);
    // Loaded with the first token: most lists need no OAuth2.
    const { TokenExchange } = await import('./exchange.ts');
    const { readClientKey } = await import('./client-key.ts');
    const clientKey = await readClientKey(asked.provider, provider, (this.#context.clock ?? systemClock).now());
    const known = provider.tokenUrl !== undefined || provider.issuer !== undefined || tokenUrl === undefined;
    return TokenExchange.open({
      asked,
      provider: known ? provider : { ...provider, tokenUrl },
      clientSecret,
      clientKey,
      settings,
      transportOf: (host) => readTransport(settings, host, env),
      ca,
      signal,
    });
  }

  #openStore(): Promise<TokenStore> {
    this.#store ??= this.#newStore().catch((error) => {
      this.#store = undefined;
      throw error;
    });
    return this.#store;
  }

  async #newStore(): Promise<TokenStore> {
    const { redis, settings, env } = this.#context;
    const opened = await openSeal(redis, settings, env);
    await claimSeal(redis, opened);
    return new TokenStore(redis, opened.seal);
  }
}

/** Whatever makes a token another one is part of it, so that changed settings find no old tokens. */
function identityOf(provider: OAuthProvider, user: string): string {
  const { kind, issuer = '', tokenUrl = '', clientId = '', scope = '', keyFile = '' } = provider;
  return hexDigest(16, 'oauth', kind, issuer, tokenUrl, clientId, scope, keyFile && resolve(keyFile), user);
}

async function readClientSecret(
  name: string,
  { clientSecret }: OAuthProvider,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (clientSecret === undefined) return undefined;
  const who = `oauth.${name}.clientSecret`;
  const secret = SecretRef.parse(clientSecret, process.cwd());
  if (secret instanceof SecretRef) return secret.read(who, env);
  throw new MailhaulError('secret-missing', { who, reason: `it ${secret.wrong}` });
}
