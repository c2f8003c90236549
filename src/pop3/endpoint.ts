/** What a connection to a POP3 server needs to know. */
import type { TLSSocket } from 'node:tls';
import type { TraceOptions } from '../ground/protocol-trace.ts';
import type { Settings } from '../ground/settings.ts';
import type { Transport } from '../transport/transport.ts';
import type { UidlKeys } from './early-keys.ts';

/** One login at one POP3 server. */
export interface PopEndpoint {
  host: string;
  port: number;
  /** `starttls` is required, never opportunistic; plain text only with `none`. */
  security: 'tls' | 'starttls' | 'none';
  /** `auto`, `user` (USER and PASS), `apop`, or the name of a SASL mechanism (docs/logins.md), in any case. */
  auth: string;
  user: string;
  password: string;
  /** An OAuth 2.0 access token: `auto` means XOAUTH2 or OAUTHBEARER then. Where those are named without it, `password` is one. */
  accessToken?: string | undefined;
  /** The server takes a token only behind its question for it; where nobody knows, its host tells. */
  tokenOnItsOwnLine?: boolean | undefined;
  /** The user whose maildrop is opened, if not `user`'s own. */
  authzUser?: string | undefined;
  /** Authorities to trust instead of the system's, as PEM text. */
  tlsCa?: string | undefined;
  /** By what way the server is reached; straight where not given. */
  transport?: Transport | undefined;
  /** Where every command and answer is written, without secrets; nowhere where not given. */
  trace?: TraceOptions | undefined;
}

/** Names of the settings that govern a session. */
export const popSettingNames = [
  'popConnectTimeoutMs',
  'popLoginTimeoutMs',
  'popCapaTimeoutMs',
  'popCommandTimeoutMs',
  'popReadTimeoutMs',
  'popSlowestBytesPerSecond',
  'popPipelineCommands',
  'popPipelineMaxBytes',
  'popStatusLineMaxBytes',
  'popListingMaxMessages',
  'popListingMaxBytes',
  'popUidlMaxBytes',
  'popScramMaxIterations',
  'popNoopMs',
] as const;

/** The settings that govern a session. */
export type PopSettings = Pick<Settings, (typeof popSettingNames)[number]>;

/** The settings of a session, and what the caller adds to them. */
export type PopOptions = PopSettings & {
  /** Send one command at a time even where the server lists PIPELINING. */
  oneAtATime?: boolean;
  /** Do not ask for capabilities. */
  withoutCapa?: boolean;
  /** Told when CAPA had cost a connection and the login without it worked. */
  onCapaUnusable?: () => void;
  /** Told when the server mixed up commands that it was sent at once, before its maildrop was listed. */
  onPipeliningBroken?: () => void;
  /** Drops the connection; whatever waits then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Told what the server lists right before the login; servers list other things behind it. */
  onCapabilities?: (capabilities: ReadonlyMap<string, string>) => void;
  /** What is made of each unique id of a listing as it comes. */
  uidlKeys?: UidlKeys;
  /** Told when TLS is up and the certificate has verified, before the login. */
  onSecure?: (socket: TLSSocket) => void;
};

/** A time as the error table prints it: seconds, with decimals only below ten. */
export function seconds(ms: number): number {
  return ms < 10_000 ? ms / 1000 : Math.round(ms / 1000);
}
