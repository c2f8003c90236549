/** Who is migrated: one account is one line of the account list. */
import { hexDigest } from '../ground/digest.ts';
import type { SecretRef } from './secret.ts';

/** Longest id of an account and longest name of a group, in characters: both stand in addresses of the API. */
export const longestLabel = 500;

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
  /** SHA-256 of the server's certificate: 64 hexadecimal digits in lower case. */
  tlsPin?: string;
}

/** A POP3 source and an IMAP destination of one user. */
export interface Account {
  /** Label for people; unique in a list. */
  id: string;
  /** 32 hexadecimal digits: digest of source host and user and destination host and user; see `accountKey`. */
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

type Login = Pick<Endpoint, 'host' | 'user' | 'authzUser'>;

/**
 * The key of an account: 32 hexadecimal digits. Other hosts or users make another account (design §1); the user is the
 * one whose mailbox it is, however many a master user opens (decision 0011).
 */
export function accountKey(source: Login, destination: Login): string {
  return hexDigest(16, source.host, ownerOf(source), destination.host, ownerOf(destination));
}

/** The user whose mailbox it is: another than the one who logs in, where that is a master user. */
export function ownerOf({ user, authzUser }: Pick<Endpoint, 'user' | 'authzUser'>): string {
  return authzUser || user;
}
