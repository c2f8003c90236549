/** Logins with an access token: each connection gets one that lives, and a refused one is exchanged once. */
import { asMailhaulError, isRefusedCredential } from '../ground/errors.ts';

/** Where access tokens come from. */
export interface AccessTokens {
  /** Stays the same whatever the token is now. */
  readonly identity: string;
  /** One that lives for a while. */
  get(): Promise<string>;
  /** Another one than that, which the server has refused. */
  renew(refused: string): Promise<string>;
}

/** What a login may have of it. */
export interface WithTokens {
  readonly accessToken?: string | undefined;
  readonly tokens?: AccessTokens | undefined;
}

/**
 * Connects, with an access token of this moment where the endpoint has any. A server that refuses it gets another one,
 * once: tokens are revoked, and end, in mid-run. Throws what `connect` throws, and what getting a token does.
 */
export async function withToken<Endpoint extends WithTokens, T>(
  endpoint: Endpoint,
  connect: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  const { tokens } = endpoint;
  if (!tokens) return connect(endpoint);
  const accessToken = await tokens.get();
  try {
    return await connect({ ...endpoint, accessToken });
  } catch (error) {
    if (!isRefusedCredential(asMailhaulError(error).code)) throw error;
    const another = await tokens.renew(accessToken);
    if (another === accessToken) throw error;
    return connect({ ...endpoint, accessToken: another });
  }
}
