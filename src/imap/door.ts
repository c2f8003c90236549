/** Opens the door: TLS and the login of an IMAP connection, by imapflow. This file owns imapflow. */
import { TLSSocket } from 'node:tls';
import { ImapFlow } from 'imapflow';
import { MailhaulError } from '../ground/errors.ts';
import type { TraceOptions } from '../ground/protocol-trace.ts';
import { refuseUnsafeCredentials } from '../ground/safe-credentials.ts';
import type { Settings } from '../ground/settings.ts';
import type { Transport } from '../transport/transport.ts';
import { conceal, type Peer } from './classify.ts';
import { connectError } from './classify-connect.ts';
import { secretsOf } from './credentials.ts';
import { assertLogin, type FlowLogin, steerLogin } from './door-login.ts';
import { type DoorSocket, type FlowSocket, guardLogin, openDoorSocket, outliveErrors } from './door-socket.ts';
import { type FewerTrips, type FlowTrips, spareTrips } from './door-trips.ts';
import { type FlowEntry, ImapTrace } from './imap-trace.ts';

/** A server and a login there. */
export interface ImapEndpoint {
  host: string;
  port: number;
  security: 'tls' | 'starttls' | 'none';
  /** `auto`, `plain`, `login`, `xoauth2` or `oauthbearer`, in any case. */
  auth: string;
  user: string;
  password: string;
  /** An OAuth 2.0 access token: `auto` means XOAUTH2 or OAUTHBEARER then. Where those are named without it, `password` is one. */
  accessToken?: string | undefined;
  /** Whose mailbox it is, where `user` logs in for someone else. */
  authzUser?: string | undefined;
  /** PEM; the only authority that is trusted, where it is given. */
  tlsCa?: string | undefined;
  /** By what way the server is reached; straight where not given. */
  transport?: Transport | undefined;
  /** Where every command and answer is written, without secrets; nowhere where not given. */
  trace?: TraceOptions | undefined;
}

/** The settings a connection needs, and the signal that ends it. */
export type ImapOptions = Pick<
  Settings,
  | 'imapConnectTimeoutMs'
  | 'imapLoginTimeoutMs'
  | 'imapCommandTimeoutMs'
  | 'imapWriteTimeoutMs'
  | 'imapLineMaxBytes'
  | 'literalSyncBytes'
  | 'appendPipelineCommands'
> &
  FewerTrips & {
    signal?: AbortSignal;
    /** Told of the connection's TLS when the login has been answered, whether it was accepted or not. */
    onSecure?: (socket: TLSSocket) => void;
    /** Told what the server lists right before the login, in upper case; servers list other things behind it. */
    onCapabilities?: (capabilities: ReadonlySet<string>) => void;
  };

/** A connection that is logged in. */
export interface OpenDoor {
  client: ImapFlow;
  peer: Peer;
  /** Upper case; `NAME=VALUE` where a capability has a number. */
  capabilities: ReadonlySet<string>;
  /** How many lines imapflow could not read and passed over: what was in them is unknown. */
  unreadLines(): number;
  /** What broke the connection, when something did. */
  lastError(): unknown;
  /** Where the talk of this connection is written, if anywhere. */
  trace: ImapTrace | undefined;
}

// The largest literal taken into memory: a piece of a message, or all of it from servers that ignore <partial>
const LITERAL_MAX_BYTES = 32 * 1024 * 1024;

/** Parts of imapflow that its types keep to itself. The takeover test fails when a version moves them. */
interface Internals {
  socketTimeout: number;
  socket: { setTimeout(ms: number): void };
}

/** Connects and logs in. Throws MailhaulError; nothing in it holds the password. */
export async function openDoor(endpoint: ImapEndpoint, options: ImapOptions): Promise<OpenDoor> {
  const { host, port, user } = endpoint;
  const peer: Peer = { host, port, user };
  const secrets = secretsOf(endpoint);
  conceal(peer, secrets);
  refuseUnsafeCredentials(endpoint);
  if (options.signal?.aborted === true) throw abortError(options.signal, peer);
  const opening = { timeoutMs: options.imapConnectTimeoutMs, signal: options.signal };
  const socket = await openDoorSocket(endpoint, opening).catch((error) => {
    throw options.signal?.aborted === true ? abortError(options.signal, peer) : error;
  });
  const trace = ImapTrace.of(endpoint);
  const watch = new Watch(trace);
  const client = new ImapFlow(flowOptions(endpoint, options, watch, socket));
  // imapflow reports a lost socket by an event as well as by the command it breaks; without a listener it would throw
  client.on('error', (error) => watch.onError(error));
  const flow = client as unknown as FlowSocket & FlowLogin & FlowTrips;
  outliveErrors(flow);
  const steered = steerLogin(flow, endpoint, () => options.onCapabilities?.(capabilitiesOf(client)));
  const guard = guardLogin(flow, endpoint);
  spareTrips(flow, options);
  try {
    await withinLogin(() => socket.start(flow), options, peer);
    guard.assertPassed();
    assertLogin(flow, endpoint, steered.login);
  } catch (thrown) {
    noteSecure(flow, options, guard.passed);
    client.close();
    socket.destroy();
    const limits = { ...options, plain: endpoint.security !== 'tls', greeted: client.greeting !== undefined };
    throw connectError(peer, thrown, limits, { secrets, login: steered.login });
  }
  noteSecure(flow, options, true);
  const internals = client as unknown as Internals;
  internals.socketTimeout = options.imapCommandTimeoutMs;
  internals.socket.setTimeout(options.imapCommandTimeoutMs);
  return {
    client,
    peer,
    capabilities: capabilitiesOf(client),
    unreadLines: () => watch.unreadLines,
    lastError: () => watch.lastError,
    trace,
  };
}

/** Tells of a certificate that was accepted, by authority or pin; a handshake that failed has none. */
function noteSecure({ socket }: FlowSocket, { onSecure }: ImapOptions, accepted: boolean): void {
  if (socket instanceof TLSSocket && (accepted || socket.authorized)) onSecure?.(socket);
}

function flowOptions(endpoint: ImapEndpoint, options: ImapOptions, watch: Watch, socket: DoorSocket) {
  const { security } = endpoint;
  return {
    host: endpoint.host,
    port: endpoint.port,
    secure: security === 'tls',
    // true: refuse a server without STARTTLS; false: never upgrade. Unset would upgrade where it can, and go on where not
    ...(security === 'tls' ? {} : { doSTARTTLS: security === 'starttls' }),
    // imapflow hands them to whatever it connects by: the TLS over this socket, a plain socket, the TLS after STARTTLS
    tls: socket.options,
    // What it is told in earnest waits until the capabilities are known: steerLogin
    auth: { user: endpoint.user, pass: endpoint.password },
    clientInfo: { name: 'mailhaul', version: '', vendor: '', 'support-url': '' },
    logger: watch,
    disableAutoIdle: true,
    disableCompression: true,
    disableAutoEnable: true,
    disableIMAP4rev2: true,
    connectionTimeout: socket.leftMs,
    greetingTimeout: options.imapLoginTimeoutMs,
    // While logging in; half of it is also the longest that imapflow sits out a server's request to back off
    socketTimeout: options.imapLoginTimeoutMs,
    maxLineLength: options.imapLineMaxBytes,
    maxLiteralSize: LITERAL_MAX_BYTES,
    maxResponseSize: LITERAL_MAX_BYTES + options.imapLineMaxBytes,
    maxLockHoldTime: 0,
  };
}

/** imapflow's logger: it notices what imapflow tells nobody else, and keeps the trace where there is one. */
class Watch {
  readonly #trace: ImapTrace | undefined;
  unreadLines = 0;
  lastError: unknown;

  constructor(trace: ImapTrace | undefined) {
    this.#trace = trace;
  }

  onError(error: unknown): void {
    this.lastError = error;
  }
  error(entry: FlowEntry): void {
    if (entry?.payloadBytes !== undefined) this.unreadLines++;
    this.#trace?.flow(entry);
  }
  trace(entry: FlowEntry): void {
    this.#trace?.flow(entry);
  }
  debug(entry: FlowEntry): void {
    this.#trace?.flow(entry);
  }
  info(): void {}
  warn(): void {}
}

/** connect() under one deadline: imapflow's own watch silence, a server that trickles would hold it open. */
async function withinLogin(begin: () => Promise<unknown>, options: ImapOptions, peer: Peer): Promise<void> {
  const { imapConnectTimeoutMs, imapLoginTimeoutMs, signal } = options;
  let stop: (error: MailhaulError) => void = () => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = reject;
  });
  const seconds = imapLoginTimeoutMs / 1000;
  const onTimeout = () => stop(new MailhaulError('server-silent', { ...peer, seconds, during: 'login' }));
  const timer = setTimeout(onTimeout, imapConnectTimeoutMs + imapLoginTimeoutMs);
  const onAbort = () => stop(abortError(signal!, peer));
  signal?.addEventListener('abort', onAbort, { once: true });
  // A stop in the very turn in which the socket opened is told by no event.
  if (signal?.aborted) onAbort();
  try {
    await Promise.race([begin(), stopped]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** What an aborted signal makes of the work in hand. */
export function abortError(signal: AbortSignal, peer: Peer): MailhaulError {
  return signal.reason instanceof MailhaulError
    ? signal.reason
    : new MailhaulError('connection-lost', { ...peer, during: 'a stop that was asked for' });
}

function capabilitiesOf(client: ImapFlow): ReadonlySet<string> {
  const entries = [...client.capabilities].map(([name, value]) =>
    typeof value === 'number' ? `${name}=${value}` : name,
  );
  return new Set(entries.map((name) => name.toUpperCase()));
}
