/** Whether what a login would send may be sent, whichever protocol carries it. */
import { MailhaulError } from './errors.ts';

/** What a login sends, to whom, and how. */
export interface SendableCredentials {
  readonly host: string;
  readonly user: string;
  readonly password: string;
  /** `auto`, or the name of a mechanism in any case. */
  readonly auth: string;
  readonly accessToken?: string | undefined;
  readonly authzUser?: string | undefined;
}

/**
 * Refuses what would end a command early and smuggle in another one: a line break or NUL in any part (RFC 1939 §3,
 * RFC 3501 §9, RFC 4616 §2). Throws `credentials-unsafe`.
 */
export function refuseUnsafeCredentials(credentials: SendableCredentials): void {
  const { host, user, password, auth, accessToken = '', authzUser = '' } = credentials;
  const sendsToken = credentials.accessToken !== undefined || /^(?:xoauth2|oauthbearer)$/i.test(auth);
  // A %x01 would end a field of XOAUTH2 and OAUTHBEARER (RFC 7628 §3.1).
  const unsafe = sendsToken ? /[\r\n\0\x01]/ : /[\r\n\0]/;
  const parts = { 'user name': user, password, 'access token': accessToken, 'authorization identity': authzUser };
  for (const [what, value] of Object.entries(parts)) {
    if (unsafe.test(value)) throw new MailhaulError('credentials-unsafe', { host, user, what });
  }
}
