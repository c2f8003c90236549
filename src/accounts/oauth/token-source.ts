/** Access tokens as a login sees them. */
import type { TokenFor } from './classify.ts';

/** Access tokens of one login. Tokens are never part of what its methods throw. */
export interface TokenSource {
  /** Names the login among all, and stays the same whatever its token is now. No secret can be told from it. */
  readonly identity: string;
  /** One that lives for a while. Throws MailhaulError. */
  get(): Promise<string>;
  /** Another one than that, which a server has refused. Throws MailhaulError. */
  renew(refused: string): Promise<string>;
}

/** Which token: of which provider, for which user of which account. */
export interface TokenOwner extends TokenFor {
  /** Id of the account. */
  readonly account: string;
  readonly side: 'source' | 'destination';
}
