/** What a login sends, and what of it no error repeats. */
import type { SendableCredentials } from '../ground/safe-credentials.ts';

/** What an endpoint says of its login; `ImapEndpoint` has more, and the meaning of each. */
export interface Credentials extends SendableCredentials {
  port: number;
}

/** Every form in which a server might repeat the secrets of a login. */
export function secretsOf({ user, password, accessToken, authzUser = '' }: Credentials): string[] {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const token = accessToken ?? password;
  // How a token is wrapped depends on what the server lists; its middle, in each of the three ways that base64 has it
  const wrapped = [0, 1, 2].map((shift) => base64('x'.repeat(shift) + token).slice(shift && 4, -4));
  return [password, base64(password), base64(`${authzUser}\0${user}\0${password}`), token, ...wrapped];
}
