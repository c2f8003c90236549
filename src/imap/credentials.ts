/** What a login sends: whether it may be sent, and what of it no error repeats. */
import { MailhaulError } from '../ground/errors.ts';

/** What an endpoint says of its login; `ImapEndpoint` has more, and the meaning of each. */
export interface Credentials {
  host: string;
  port: number;
  auth: string;
  user: string;
  password: string;
  accessToken?: string | undefined;
  authzUser?: string | undefined;
}

/**
 * RFC 4616 §2 and RFC 3501 §9: no login can carry NUL, and a line break would end the command that carries it.
 * Throws `credentials-unsafe`.
 */
export function assertSendable({ host, user, password, auth, accessToken, authzUser = '' }: Credentials): void {
  const sendsToken = accessToken !== undefined || /^(?:xoauth2|oauthbearer)$/i.test(auth);
  // A %x01 would end a field of XOAUTH2 and OAUTHBEARER (RFC 7628 §3.1)
  const unsafe = sendsToken ? /[\r\n\0\x01]/ : /[\r\n\0]/;
  const parts = {
    'user name': user,
    password,
    'access token': accessToken ?? '',
    'authorization identity': authzUser,
  };
  for (const [what, value] of Object.entries(parts)) {
    if (unsafe.test(value)) throw new MailhaulError('credentials-unsafe', { host, user, what });
  }
}

/** Every form in which a server might repeat the secrets of a login. */
export function secretsOf({ user, password, accessToken, authzUser = '' }: Credentials): string[] {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const token = accessToken ?? password;
  // How a token is wrapped depends on what the server lists; its middle, in each of the three ways that base64 has it
  const wrapped = [0, 1, 2].map((shift) => base64('x'.repeat(shift) + token).slice(shift && 4, -4));
  return [password, base64(password), base64(`${authzUser}\0${user}\0${password}`), token, ...wrapped];
}
