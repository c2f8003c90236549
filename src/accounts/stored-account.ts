/** An account as it lies in Redis: plain JSON, except for the passwords, which are sealed. */
import { MailhaulError } from '../ground/errors.ts';
import { type Account, accountKey, type Endpoint } from './account.ts';
import type { Seal, SealedPlace } from './seal.ts';
import { SecretRef } from './secret.ts';

/** An account and the list it was imported from. */
export interface ListedAccount {
  readonly account: Account;
  /** Absolute path of the list; empty where it came from none. */
  readonly origin: string;
}

type StoredEndpoint = Omit<Endpoint, 'password'> & { readonly password: string };
interface Stored extends Omit<Account, 'key' | 'line' | 'source' | 'destination'> {
  readonly origin: string;
  readonly source: StoredEndpoint;
  readonly destination: StoredEndpoint;
}

/** The JSON of an account. */
export function toStored({ account, origin }: ListedAccount, seal: Seal): string {
  const { key, line: _line, ...rest } = account;
  const sealed = (side: 'source' | 'destination'): StoredEndpoint => {
    const { password, ...endpoint } = account[side];
    return { ...endpoint, password: seal.seal(password.stored(), placeOf(key, side, endpoint)) };
  };
  const stored: Stored = { ...rest, origin, source: sealed('source'), destination: sealed('destination') };
  return JSON.stringify(stored);
}

/**
 * The account of such a JSON; its passwords are opened when they are read, and may throw `seal-broken` then. Throws
 * `seal-broken` where the JSON is not that of this key: its hosts or users were changed.
 */
export function fromStored(key: string, text: string, seal: Seal): ListedAccount {
  const { origin, source, destination, ...rest } = parsed(key, text);
  const opened = (side: 'source' | 'destination', stored: StoredEndpoint): Endpoint => {
    const { password, ...endpoint } = stored;
    return {
      ...endpoint,
      password: SecretRef.restore(() => seal.open(password, placeOf(key, side, endpoint))),
    };
  };
  const account: Account = {
    ...rest,
    key,
    source: opened('source', source),
    destination: opened('destination', destination),
    line: 0,
  };
  return { account, origin };
}

function parsed(key: string, text: string): Stored {
  try {
    const stored = JSON.parse(text) as Stored;
    if (accountKey(stored.source, stored.destination) === key) return stored;
  } catch {
    // The text is not quoted: somebody has written it by hand.
  }
  throw new MailhaulError('seal-broken', { what: 'line', account: key });
}

/** Bound to the server too: who can write to Redis shall not have a password sent to another one, or in the clear. */
function placeOf(account: string, side: 'source' | 'destination', to: Omit<Endpoint, 'password'>): SealedPlace {
  const { host, port, security, auth, tlsCaFile = '', tlsPin, user, authzUser } = to;
  const column = side === 'source' ? 'pop_password' : 'imap_password';
  // Absent where there is none, as in what was sealed before there were pins.
  const pin = tlsPin === undefined ? [] : [tlsPin];
  // The key of the account tells whose mailbox it is, and not who logs in.
  const master = authzUser ? [user, authzUser] : [];
  return { account, column, purpose: JSON.stringify([host, port, security, auth, tlsCaFile, ...pin, ...master]) };
}

/** Whether two say the same, passwords included; where a line stands in its list does not count. */
export function sameAccount(a: ListedAccount, b: ListedAccount): boolean {
  return a.origin === b.origin && plainOf(a.account) === plainOf(b.account) && samePasswords(a.account, b.account);
}

function samePasswords(a: Account, b: Account): boolean {
  try {
    return a.source.password.equals(b.source.password) && a.destination.password.equals(b.destination.password);
  } catch (error) {
    // One that does not open is replaced.
    if (error instanceof MailhaulError && error.code === 'seal-broken') return false;
    throw error;
  }
}

function plainOf({ line: _line, source, destination, ...rest }: Account): string {
  const sorted = (value: object) => Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const { password: _from, ...from } = source;
  const { password: _to, ...to } = destination;
  return JSON.stringify([sorted(rest), sorted(from), sorted(to)]);
}
