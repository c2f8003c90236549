/** What a connection to a POP3 server needs to know. */
import type { TLSSocket } from 'node:tls';
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';

/** One login at one POP3 server. */
export interface PopEndpoint {
  host: string;
  port: number;
  /** `starttls` is required, never opportunistic; plain text only with `none`. */
  security: 'tls' | 'starttls' | 'none';
  /** `auto`, `user` (USER and PASS) or `plain` (SASL PLAIN). */
  auth: string;
  user: string;
  password: string;
  /** The user whose maildrop is opened, if not `user`'s own (SASL PLAIN only). */
  authzUser?: string | undefined;
  /** Authorities to trust instead of the system's, as PEM text. */
  tlsCa?: string | undefined;
}

/** The settings that govern a session, and what the caller adds to them. */
export type PopOptions = Pick<
  Settings,
  | 'popConnectTimeoutMs'
  | 'popLoginTimeoutMs'
  | 'popCapaTimeoutMs'
  | 'popCommandTimeoutMs'
  | 'popReadTimeoutMs'
  | 'popPipelineCommands'
  | 'popPipelineMaxBytes'
  | 'popStatusLineMaxBytes'
  | 'popListingMaxMessages'
  | 'popListingMaxBytes'
  | 'popUidlMaxBytes'
  | 'popNoopMs'
> & {
  /** Send one command at a time even where the server lists PIPELINING. */
  oneAtATime?: boolean;
  /** Drops the connection; whatever waits then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Told what the server lists right before the login; servers list other things behind it. */
  onCapabilities?: (capabilities: ReadonlyMap<string, string>) => void;
  /** Told when TLS is up and the certificate has verified, before the login. */
  onSecure?: (socket: TLSSocket) => void;
};

/**
 * Refuses credentials that would end a command line early and smuggle in another command.
 * @throws MailhaulError `credentials-unsafe`
 */
export function refuseUnsafeCredentials(endpoint: PopEndpoint): void {
  const unsafe = /[\r\n\0]/;
  const named: [string, string | undefined][] = [
    ['user name', endpoint.user],
    ['password', endpoint.password],
    ['authorization identity', endpoint.authzUser],
  ];
  for (const [what, value] of named) {
    if (value !== undefined && unsafe.test(value)) {
      throw new MailhaulError('credentials-unsafe', { what, user: endpoint.user, host: endpoint.host });
    }
  }
}

/** A time as the error table prints it: seconds, with decimals only below ten. */
export function seconds(ms: number): number {
  return ms < 10_000 ? ms / 1000 : Math.round(ms / 1000);
}
