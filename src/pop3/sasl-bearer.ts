/** The SASL mechanisms that hand an OAuth 2.0 access token over: XOAUTH2 and OAUTHBEARER. */
import type { PopEndpoint } from './endpoint.ts';
import type { SaslDialogue, SaslRefusal } from './sasl-exchange.ts';
import { saslName } from './sasl-scram.ts';

/** Microsoft takes the token on a line of its own only, however short it is. */
const twoLineHosts = /(?:^|\.)(?:outlook|office365)\.(?:com|us|cn)$/i;

/** Whether a host wants AUTH XOAUTH2 and the token on two lines. */
export function wantsTwoLines(host: string): boolean {
  return twoLineHosts.test(host.replace(/\.$/, ''));
}

/** The token of an endpoint: where none was obtained, the password is one. */
export function tokenOf({ accessToken, password }: PopEndpoint): string {
  return accessToken ?? password;
}

/** XOAUTH2, as Google and Microsoft document it. Its user is the one whose mailbox is opened. */
export function xoauth2(endpoint: PopEndpoint): SaslDialogue {
  const initial = `user=${endpoint.authzUser || endpoint.user}\x01auth=Bearer ${tokenOf(endpoint)}\x01\x01`;
  // The client answers the description of an error with an empty line, and the server refuses then.
  return bearer('XOAUTH2', initial, '', endpoint.tokenOnItsOwnLine ?? wantsTwoLines(endpoint.host));
}

/** OAUTHBEARER (RFC 7628 §3.1). */
export function oauthBearer(endpoint: PopEndpoint): SaslDialogue {
  const { host, port, user, authzUser } = endpoint;
  const header = `n,a=${saslName(authzUser || user)},`;
  const initial = `${header}\x01host=${host}\x01port=${port}\x01auth=Bearer ${tokenOf(endpoint)}\x01\x01`;
  // RFC 7628 §3.2.3: the description of an error is answered with a lone %x01.
  return bearer('OAUTHBEARER', initial, '\x01', endpoint.tokenOnItsOwnLine ?? wantsTwoLines(host));
}

function bearer(name: string, initial: string, toError: string, twoLines: boolean): SaslDialogue {
  let refusal: SaslRefusal | undefined;
  return {
    name,
    initial,
    twoLines,
    finished: true,
    get refusal() {
      return refusal;
    },
    respond: (challenge) => {
      refusal = describe(challenge);
      return toError;
    },
  };
}

/**
 * RFC 7628 §3.2.2: a JSON object with `status`, and perhaps `scope` and `schemes`. Whole: of a token that was cut short
 * nothing would be concealed.
 */
function describe(challenge: Buffer): SaslRefusal {
  const text = challenge.toString('utf8');
  try {
    const said = Object.entries(JSON.parse(text) as Record<string, unknown>);
    const words = said.map(([key, value]) => `${key} ${String(value)}`).join(', ');
    const status = String(said.find(([key]) => key === 'status')?.[1] ?? '');
    return { text: words, blames: /^5\d\d$/.test(status) ? 'server' : 'secret' };
  } catch {
    return { text, blames: 'secret' };
  }
}
