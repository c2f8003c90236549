/** The tokens of one user at one provider: kept in Redis, renewed by one process at a time while others wait. */
import type { Clock } from '../../ground/clock.ts';
import { MailhaulError } from '../../ground/errors.ts';
import type { Settings } from '../../ground/settings.ts';
import type { OAuthProvider } from '../../ground/settings-oauth.ts';
import type { GivenTokens, TokenExchange } from './exchange.ts';
import type { TokenOwner, TokenSource } from './token-source.ts';
import type { FoundRecord, TokenRecord, TokenStore } from './token-store.ts';

/** How long a token lives whose provider does not say (RFC 6749 §5.1 only recommends it). */
const unknownLifeMs = 600_000;
/** How often a process that waits for another one's token looks for it. */
const lookMs = 100;
/** The turn of a process that was killed lapses after this; one that is at work renews it. */
const lockMs = 10_000;
/** How often a record may change under a process that writes it. */
const triesAtMost = 20;

/** What the tokens of one owner need. */
export interface RedisTokensContext {
  readonly owner: TokenOwner;
  readonly provider: OAuthProvider;
  readonly identity: string;
  readonly settings: Pick<Settings, 'oauthRefreshEarlyMs' | 'oauthTimeoutMs'>;
  readonly clock: Clock;
  /** Ends what is under way: nobody waits for a token any longer. */
  readonly signal: AbortSignal | undefined;
  readonly store: () => Promise<TokenStore>;
  /** The provider, ready to be asked, there where the settings name no address. */
  readonly exchange: (tokenUrl?: string) => Promise<TokenExchange>;
}

/** Tokens of one owner. */
export class RedisTokens implements TokenSource {
  readonly #context: RedisTokensContext;

  constructor(context: RedisTokensContext) {
    this.#context = context;
  }

  get identity(): string {
    return this.#context.identity;
  }

  async get(): Promise<string> {
    const store = await this.#context.store();
    const { record } = await store.read(this.identity);
    if (record && this.#lasts(record)) return record.access;
    try {
      return await this.#obtain(store, undefined);
    } catch (error) {
      // Renewed early, so that a provider that is away for a moment is not missed.
      const passing = error instanceof MailhaulError && error.code === 'oauth-unavailable';
      if (passing && record && record.endsAt > this.#context.clock.now()) return record.access;
      throw error;
    }
  }

  async renew(refused: string): Promise<string> {
    return this.#obtain(await this.#context.store(), refused);
  }

  /** Keeps what a person's consent gave, once it has been refreshed: a refresh token that does not work is none. */
  async consent(given: GivenTokens, refreshed: GivenTokens): Promise<void> {
    const store = await this.#context.store();
    const rotated = refreshed.refresh !== undefined;
    const record = this.#recordOf(refreshed, refreshed.refresh ?? given.refresh, rotated ? given.refresh : undefined);
    for (let tries = 0; tries < triesAtMost; tries += 1) {
      const found = await store.read(this.identity);
      if (await store.replace(this.identity, found, record, this.#context.clock.now())) return;
    }
    throw this.#unavailable('other processes keep changing its tokens');
  }

  async #obtain(store: TokenStore, refused: string | undefined): Promise<string> {
    const { clock, settings, signal } = this.#context;
    // Discovery, a refresh token, and the one before it: each has its time, and so has another process before us.
    const until = clock.now() + lockMs + 8 * settings.oauthTimeoutMs;
    const good = ({ record }: FoundRecord) => record && record.access !== refused && this.#lasts(record);
    for (;;) {
      const lock = await store.lock(this.identity, lockMs);
      const renewing = lock && setInterval(() => void store.renew(this.identity, lock, lockMs), lockMs / 3);
      try {
        const found = await store.read(this.identity);
        if (good(found)) return found.record!.access;
        if (lock !== undefined) return await this.#ask(store, found);
      } finally {
        if (renewing !== undefined) clearInterval(renewing as NodeJS.Timeout);
        if (lock !== undefined) await store.unlock(this.identity, lock);
      }
      if (clock.now() > until) throw this.#unavailable('another process asks for it and does not come to an end');
      await clock.wait(lookMs, signal);
    }
  }

  async #ask(store: TokenStore, found: FoundRecord): Promise<string> {
    const { owner } = this.#context;
    if (owner.kind === 'refresh-token') return this.#refresh(store, found);
    const service = owner.kind === 'service-account';
    const given = await (service ? this.#asService() : (await this.#context.exchange()).clientCredentials());
    const record = this.#recordOf(given, undefined, undefined);
    await store.replace(this.identity, found, record, this.#context.clock.now());
    return record.access;
  }

  async #asService(): Promise<GivenTokens> {
    const { provider, owner } = this.#context;
    const { readServiceKey, signAssertion } = await import('./assertion.ts');
    const who = `oauth.${owner.provider}`;
    const key = await readServiceKey(provider.keyFile!, who);
    const exchange = await this.#context.exchange(key.token_uri);
    const { scope } = provider;
    const asked = { subject: owner.user, audience: exchange.tokenUrl, scope, who };
    return exchange.assertion(await signAssertion(key, asked));
  }

  async #refresh(store: TokenStore, found: FoundRecord): Promise<string> {
    const { refresh, before } = found.record ?? {};
    const { provider, user, account: id, side } = this.#context.owner;
    if (refresh === undefined) throw new MailhaulError('oauth-consent-needed', { provider, user, id, side });
    const exchange = await this.#context.exchange();
    const [used, given] = await this.#firstThatWorks(exchange, refresh, before);
    const record = this.#recordOf(given, given.refresh ?? used, given.refresh === undefined ? before : used);
    await this.#keep(store, found, record, used);
    return record.access;
  }

  /**
   * The newest refresh token first; where the provider knows nothing of it, the one before: Redis may be older, or
   * newer, than what the provider remembers.
   */
  async #firstThatWorks(
    exchange: TokenExchange,
    refresh: string,
    before: string | undefined,
  ): Promise<[string, GivenTokens]> {
    try {
      return [refresh, await exchange.refresh(refresh)];
    } catch (error) {
      const unknown = error instanceof MailhaulError && error.code === 'oauth-consent-revoked';
      if (!unknown || before === undefined || before === refresh) throw error;
      return exchange.refresh(before).then(
        (given): [string, GivenTokens] => [before, given],
        () => {
          throw error;
        },
      );
    }
  }

  /** A rotated refresh token is the only one that works now: it is written even by who was overtaken. */
  async #keep(store: TokenStore, found: FoundRecord, record: TokenRecord, used: string): Promise<void> {
    let at = found;
    for (let tries = 0; tries < triesAtMost; tries += 1) {
      if (await store.replace(this.identity, at, record, this.#context.clock.now())) return;
      at = await store.read(this.identity);
      // Somebody has consented anew, or renewed it since: what is there is newer.
      if (at.record && at.record.refresh !== used) return;
    }
    throw this.#unavailable('other processes keep changing its tokens');
  }

  #recordOf(given: GivenTokens, refresh: string | undefined, before: string | undefined): TokenRecord {
    const givenAt = this.#context.clock.now();
    const endsAt = givenAt + (given.lifeMs ?? unknownLifeMs);
    return { access: given.access, givenAt, endsAt, refresh, before };
  }

  #lasts({ givenAt, endsAt }: TokenRecord): boolean {
    const early = Math.min(this.#context.settings.oauthRefreshEarlyMs, (endsAt - givenAt) / 2);
    return endsAt - this.#context.clock.now() > early;
  }

  #unavailable(reason: string): MailhaulError {
    const { provider, user } = this.#context.owner;
    return new MailhaulError('oauth-unavailable', { provider: `oauth2:${provider}`, user, reason });
  }
}
