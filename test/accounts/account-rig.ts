/** Accounts for tests, without a list file. */
import { type Account, accountKey, type Endpoint } from '../../src/accounts/account.ts';
import { SecretRef } from '../../src/accounts/secret.ts';

/** What a password column of a list in the folder /lists says. */
export function secretOf(text: string): SecretRef {
  const secret = SecretRef.parse(text, '/lists');
  if (secret instanceof SecretRef) return secret;
  throw new Error(secret.wrong);
}

/** An account of this user; `more` changes its sides and itself. */
export function accountOf(
  user: string,
  more: Partial<Account> & { from?: Partial<Endpoint>; to?: Partial<Endpoint>; password?: string } = {},
): Account {
  const { from, to, password = `pw-of-${user}`, ...rest } = more;
  const side = (host: string, port: number): Endpoint => ({
    host,
    port,
    security: 'tls',
    auth: 'auto',
    user,
    password: secretOf(password),
  });
  const source = { ...side('pop.example.com', 995), ...from };
  const destination = { ...side('imap.example.com', 993), ...to };
  return {
    id: user,
    key: accountKey(source, destination),
    group: 'default',
    enabled: true,
    source,
    destination,
    mailbox: 'INBOX',
    line: 2,
    ...rest,
  };
}
