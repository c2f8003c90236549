/** How an app shows a provider of tokens that it is the one: by openid-client, as exchange.ts. */
import {
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  modifyAssertion,
  None,
  PrivateKeyJwt,
} from 'openid-client';
import type { OAuthProvider } from '../../ground/settings-oauth.ts';
import type { ClientKey } from './client-key.ts';

/** What an app has to show: a secret, or a key to sign with, or nothing. */
export interface ClientCredential {
  readonly provider: Pick<OAuthProvider, 'clientId' | 'clientAuth'>;
  readonly clientSecret: string | undefined;
  readonly clientKey: ClientKey | undefined;
}

/** What is added to each request to the token endpoint. */
export function clientAuth({ provider, clientSecret, clientKey }: ClientCredential): ClientAuth {
  if (clientKey !== undefined) return signed(clientKey);
  if (clientSecret !== undefined) {
    return provider.clientAuth === 'basic' ? ClientSecretBasic(clientSecret) : ClientSecretPost(clientSecret);
  }
  // RFC 7523 §3.1: beside an assertion that says who asks, no client has to be named.
  return provider.clientId === undefined ? () => {} : None();
}

/** `private_key_jwt` (RFC 7523 §2.2, OpenID Connect Core §9): signed anew for each request, for a minute. */
function signed({ key, header: more }: ClientKey): ClientAuth {
  return (as, client, body, headers) =>
    PrivateKeyJwt(key, {
      [modifyAssertion]: (header, claims) => {
        Object.assign(header, more);
        // RFC 7523 §3: the token endpoint may be the audience, and Microsoft takes no other.
        claims['aud'] = as.token_endpoint;
      },
    })(as, client, body, headers);
}
