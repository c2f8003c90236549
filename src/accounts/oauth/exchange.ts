/** Asks a provider for tokens, by openid-client. This file and client-auth.ts own openid-client. */
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  Configuration,
  calculatePKCECodeChallenge,
  clientCredentialsGrant,
  customFetch,
  type DeviceAuthorizationResponse,
  discovery,
  genericGrantRequest,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  type ServerMetadata,
  type TokenEndpointResponse,
} from 'openid-client';
import type { MailhaulError } from '../../ground/errors.ts';
import type { Settings } from '../../ground/settings.ts';
import type { OAuthProvider } from '../../ground/settings-oauth.ts';
import type { Transport } from '../../transport/transport.ts';
import { type TokenFor, tokenError } from './classify.ts';
import { clientAuth } from './client-auth.ts';
import type { ClientKey } from './client-key.ts';
import { type ProviderFetch, providerFetch } from './provider-fetch.ts';

/** What a provider gave. Never log it. */
export interface GivenTokens {
  readonly access: string;
  /** How long the access token lives, in milliseconds; undefined where the provider does not say. */
  readonly lifeMs: number | undefined;
  /** A refresh token, where one came along. */
  readonly refresh: string | undefined;
}

/** A question to a person's browser, and what its answer must fit. Never log it. */
export interface ConsentQuestion {
  readonly url: URL;
  readonly state: string;
  readonly verifier: string;
}

/** What one exchange needs. */
export interface ExchangeOptions {
  readonly asked: TokenFor;
  readonly provider: OAuthProvider;
  readonly clientSecret: string | undefined;
  /** What the app signs with where it has no secret. */
  readonly clientKey: ClientKey | undefined;
  readonly settings: Pick<Settings, 'oauthTimeoutMs' | 'oauthAnswerMaxBytes'>;
  /** How a host is reached. */
  readonly transportOf: (host: string) => Promise<Transport>;
  /** Authorities that are trusted instead of those of Node.js, as PEM text. */
  readonly ca?: string | undefined;
  /** Ends requests under way. */
  readonly signal: AbortSignal | undefined;
}

/** What a provider publishes about itself, by the address of its issuer: asked once a process. */
const discovered = new Map<string, ServerMetadata>();

/** One provider, ready to be asked. What its methods throw is a MailhaulError without any secret. */
export class TokenExchange {
  readonly #config: Configuration;
  readonly #options: ExchangeOptions;

  private constructor(config: Configuration, options: ExchangeOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** Finds out where the provider is asked. Throws `oauth-unavailable` or `oauth-unusable`. */
  static async open(options: ExchangeOptions): Promise<TokenExchange> {
    try {
      return new TokenExchange(await configure(options), options);
    } catch (thrown) {
      throw tokenError(thrown, options.asked, [options.clientSecret ?? '']);
    }
  }

  /** RFC 6749 §4.4. */
  clientCredentials(): Promise<GivenTokens> {
    return this.#grant([], clientCredentialsGrant(this.#config, this.#scope()));
  }

  /** RFC 6749 §6. */
  refresh(refreshToken: string): Promise<GivenTokens> {
    return this.#grant([refreshToken], refreshTokenGrant(this.#config, refreshToken));
  }

  /** RFC 7523 §2.1: a signed assertion takes the place of a person. */
  assertion(jwt: string): Promise<GivenTokens> {
    const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    return this.#grant([jwt], genericGrantRequest(this.#config, grant, { assertion: jwt, ...this.#scope() }));
  }

  /** Where tokens are asked for: what an assertion is meant for. */
  get tokenUrl(): string {
    return this.#config.serverMetadata().token_endpoint ?? '';
  }

  /** Whether there is an address for a person's browser. */
  get asksBrowsers(): boolean {
    return this.#config.serverMetadata().authorization_endpoint !== undefined;
  }

  /** Whether there is an address for devices without a browser. */
  get asksDevices(): boolean {
    return this.#config.serverMetadata().device_authorization_endpoint !== undefined;
  }

  /** The question to a person, with PKCE (RFC 7636), and a refresh token asked for in every dialect. */
  async question(redirectUrl: string): Promise<ConsentQuestion> {
    const verifier = randomPKCECodeVerifier();
    const state = randomState();
    const url = buildAuthorizationUrl(this.#config, {
      redirect_uri: redirectUrl,
      ...this.#scope(),
      state,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      login_hint: this.#options.asked.user,
      prompt: 'consent',
      access_type: 'offline',
    });
    return { url, state, verifier };
  }

  /** Tokens for the answer that came to the redirect address. */
  answered(answer: URL, { state, verifier }: ConsentQuestion): Promise<GivenTokens> {
    const secrets = [verifier, answer.searchParams.get('code') ?? ''];
    const checks = { expectedState: state, pkceCodeVerifier: verifier };
    return this.#grant(secrets, authorizationCodeGrant(this.#config, answer, checks));
  }

  /** Asks for a code that a person types in elsewhere (RFC 8628). */
  async deviceCode(): Promise<DeviceAuthorizationResponse> {
    try {
      return await initiateDeviceAuthorization(this.#config, this.#scope());
    } catch (thrown) {
      throw this.#error(thrown, []);
    }
  }

  /** Waits until the person has consented; the signal ends it. */
  deviceTokens(code: DeviceAuthorizationResponse, signal: AbortSignal): Promise<GivenTokens> {
    const given = pollDeviceAuthorizationGrant(this.#config, code, undefined, { signal });
    return this.#grant([code.device_code, code.user_code], given);
  }

  async #grant(secrets: readonly string[], asked: Promise<TokenEndpointResponse>): Promise<GivenTokens> {
    try {
      const { access_token, expires_in, refresh_token } = await asked;
      return {
        access: access_token,
        lifeMs: expires_in === undefined ? undefined : expires_in * 1000,
        refresh: refresh_token,
      };
    } catch (thrown) {
      throw this.#error(thrown, secrets);
    }
  }

  #error(thrown: unknown, secrets: readonly string[]): MailhaulError {
    return tokenError(thrown, this.#options.asked, [this.#options.clientSecret ?? '', ...secrets]);
  }

  #scope(): Record<string, string> {
    const { scope } = this.#options.provider;
    return scope === undefined ? {} : { scope };
  }
}

async function configure(options: ExchangeOptions): Promise<Configuration> {
  const { provider, settings, transportOf, ca, signal } = options;
  const clientId = provider.clientId ?? 'mailhaul';
  const auth = clientAuth(options);
  const { oauthTimeoutMs: timeoutMs, oauthAnswerMaxBytes: maxBytes } = settings;
  const boundedFetch = providerFetch({ transportOf, ca, timeoutMs, maxBytes, signal });
  const timeout = timeoutMs / 1000;
  const found = await published(provider, boundedFetch, timeout);
  const own = written(provider);
  const metadata = { ...found, ...own, issuer: found.issuer ?? own.issuer ?? '' };
  const config = new Configuration(metadata, clientId, undefined, auth);
  config.timeout = timeout;
  config[customFetch] = boundedFetch;
  // The fetch above lets plain text go to this machine only.
  allowInsecureRequests(config);
  return config;
}

/** What the issuer publishes, where the settings do not say it all. */
async function published(
  { kind, issuer, tokenUrl, authorizationUrl, deviceUrl }: OAuthProvider,
  boundedFetch: ProviderFetch,
  timeout: number,
): Promise<Partial<ServerMetadata>> {
  const asksPerson = kind === 'refresh-token' && authorizationUrl === undefined && deviceUrl === undefined;
  if (issuer === undefined || (tokenUrl !== undefined && !asksPerson)) return {};
  const found = discovered.get(issuer);
  if (found) return found;
  const execute = [allowInsecureRequests];
  const options = { execute, timeout, [customFetch]: boundedFetch };
  const config = await discovery(new URL(issuer), 'mailhaul', undefined, None(), options);
  const metadata = config.serverMetadata();
  discovered.set(issuer, metadata);
  return metadata;
}

function written({ issuer, tokenUrl, authorizationUrl, deviceUrl }: OAuthProvider): Partial<ServerMetadata> {
  return {
    ...(issuer === undefined && tokenUrl !== undefined && { issuer: new URL(tokenUrl).origin }),
    ...(issuer !== undefined && tokenUrl !== undefined && { issuer }),
    ...(tokenUrl !== undefined && { token_endpoint: tokenUrl }),
    ...(authorizationUrl !== undefined && { authorization_endpoint: authorizationUrl }),
    ...(deviceUrl !== undefined && { device_authorization_endpoint: deviceUrl }),
  };
}
