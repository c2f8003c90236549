/** Who is migrated: one account is one line of the account list. */
import { hexDigest } from '../ground/digest.ts';
import type { SecretRef } from './secret.ts';

/** One side of an account: where to connect and as whom. */
export interface Endpoint {
  /** A lower-case host name (IDNA in its ASCII form) or an IP address without brackets. */
  host: string;
  port: number;
  security: 'tls' | 'starttls' | 'none';
  /** `auto`, or the name of a SASL mechanism in capitals. */
  auth: string;
  user: string;
  password: SecretRef;
  /** SASL authorization identity: whose mailbox is opened, where that is not `user`. */
  authzUser?: string;
  /** Name of the provider's profile where the line names one; otherwise the host tells it. */
  provider?: string;
  /** Absolute path of a PEM file with the authority of the server. */
  tlsCaFile?: string;
  tlsPin?: string;
}

/** A POP3 source and an IMAP destination of one user. */
export interface Account {
  /** Label for people; unique in a list. */
  id: string;
  /** 32 hexadecimal digits: digest of source host and user and destination host and user (design §1). */
  key: string;
  group: string;
  enabled: boolean;
  source: Endpoint;
  destination: Endpoint;
  /** Full name of the mailbox that gets the mail. */
  mailbox: string;
  /** Line of the account list, from 1; 0 where it is not known. */
  line: number;
}

type Login = Pick<Endpoint, 'host' | 'user'>;

/** The key of an account: 32 hexadecimal digits. Other hosts or users make another account (design §1). */
export function accountKey(source: Login, destination: Login): string {
  return hexDigest(16, source.host, source.user, destination.host, destination.user);
}
