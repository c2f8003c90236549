/** Opens the door: TCP, TLS and the login of an IMAP connection, by imapflow. This file owns imapflow. */
import { TLSSocket } from 'node:tls';
import { ImapFlow } from 'imapflow';
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { conceal, type Peer } from './classify.ts';
import { connectError } from './classify-connect.ts';

/** A server and a login there. */
export interface ImapEndpoint {
  host: string;
  port: number;
  security: 'tls' | 'starttls' | 'none';
  /** `auto`, `plain` or `login`. */
  auth: string;
  user: string;
  password: string;
  /** Whose mailbox it is, where `user` logs in for someone else (SASL PLAIN, RFC 4616). */
  authzUser?: string | undefined;
  /** PEM; the only authority that is trusted, where it is given. */
  tlsCa?: string | undefined;
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
> & {
  signal?: AbortSignal;
  /** Told of the connection's TLS when the login has been answered, whether it was accepted or not. */
  onSecure?: (socket: TLSSocket) => void;
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
}

// The largest literal taken into memory: a piece of a message, or all of it from servers that ignore <partial>
const LITERAL_MAX_BYTES = 32 * 1024 * 1024;

/** Parts of imapflow that its types keep to itself. The takeover test fails when a version moves them. */
interface Internals {
  authCapabilities: Map<string, boolean>;
  socketTimeout: number;
  socket: { setTimeout(ms: number): void };
}

/** Connects and logs in. Throws MailhaulError; nothing in it holds the password. */
export async function openDoor(endpoint: ImapEndpoint, options: ImapOptions): Promise<OpenDoor> {
  const { host, port, user } = endpoint;
  const peer: Peer = { host, port, user };
  const secrets = secretsOf(endpoint);
  conceal(peer, secrets);
  assertSendable(endpoint);
  const loginMethod = loginMethodOf(endpoint);
  if (options.signal?.aborted === true) throw abortError(options.signal, peer);
  const watch = new Watch();
  const client = new ImapFlow(flowOptions(endpoint, options, loginMethod, watch));
  // imapflow reports a lost socket by an event as well as by the command it breaks; without a listener it would throw
  client.on('error', (error) => watch.onError(error));
  try {
    await withinLogin(client, options, peer);
    assertDoor(client, endpoint);
  } catch (thrown) {
    noteSecure(client, options);
    client.close();
    throw connectError(peer, thrown, options, secrets);
  }
  noteSecure(client, options);
  const internals = client as unknown as Internals;
  internals.socketTimeout = options.imapCommandTimeoutMs;
  internals.socket.setTimeout(options.imapCommandTimeoutMs);
  return {
    client,
    peer,
    capabilities: capabilitiesOf(client),
    unreadLines: () => watch.unreadLines,
    lastError: () => watch.lastError,
  };
}

/** A handshake that failed has no certificate that verified. */
function noteSecure(client: ImapFlow, { onSecure }: ImapOptions): void {
  const { socket } = client as unknown as { socket?: unknown };
  if (socket instanceof TLSSocket && socket.authorized) onSecure?.(socket);
}

function flowOptions(endpoint: ImapEndpoint, options: ImapOptions, loginMethod: string | undefined, watch: Watch) {
  const { security, tlsCa, authzUser } = endpoint;
  return {
    host: endpoint.host,
    port: endpoint.port,
    secure: security === 'tls',
    // true: refuse a server without STARTTLS; false: never upgrade. Unset would upgrade where it can, and go on where not
    ...(security === 'tls' ? {} : { doSTARTTLS: security === 'starttls' }),
    tls: { rejectUnauthorized: true, noDelay: true, ...(tlsCa === undefined ? {} : { ca: tlsCa }) },
    auth: {
      user: endpoint.user,
      pass: endpoint.password,
      ...(loginMethod === undefined ? {} : { loginMethod }),
      ...(authzUser === undefined ? {} : { authzid: authzUser }),
    },
    clientInfo: { name: 'mailhaul', version: '', vendor: '', 'support-url': '' },
    logger: watch,
    disableAutoIdle: true,
    disableCompression: true,
    disableAutoEnable: true,
    disableIMAP4rev2: true,
    connectionTimeout: options.imapConnectTimeoutMs,
    greetingTimeout: options.imapLoginTimeoutMs,
    // While logging in; half of it is also the longest that imapflow sits out a server's request to back off
    socketTimeout: options.imapLoginTimeoutMs,
    maxLineLength: options.imapLineMaxBytes,
    maxLiteralSize: LITERAL_MAX_BYTES,
    maxResponseSize: LITERAL_MAX_BYTES + options.imapLineMaxBytes,
    maxLockHoldTime: 0,
  };
}

/** imapflow's logger, which prints nothing: it notices what imapflow tells nobody else. */
class Watch {
  unreadLines = 0;
  lastError: unknown;

  onError(error: unknown): void {
    this.lastError = error;
  }
  error(entry: { payloadBytes?: number }): void {
    if (entry?.payloadBytes !== undefined) this.unreadLines++;
  }
  trace(): void {}
  debug(): void {}
  info(): void {}
  warn(): void {}
}

/** RFC 4616 §2 and RFC 3501 §9: no login can carry NUL, and a line break would end the command that carries it. */
function assertSendable({ host, user, password, authzUser = '' }: ImapEndpoint): void {
  const parts = { 'user name': user, password, 'authorization identity': authzUser };
  for (const [what, value] of Object.entries(parts)) {
    if (/[\r\n\0]/.test(value)) throw new MailhaulError('credentials-unsafe', { host, user, what });
  }
}

function loginMethodOf({ auth, authzUser, host, port, user }: ImapEndpoint): string | undefined {
  // Only PLAIN carries an authorization identity; any other login would open the wrong mailbox
  if (authzUser !== undefined && (auth === 'auto' || auth === 'plain')) return 'AUTH=PLAIN';
  if (authzUser === undefined && auth === 'auto') return undefined;
  if (authzUser === undefined && auth === 'plain') return 'AUTH=PLAIN';
  if (authzUser === undefined && auth === 'login') return 'LOGIN';
  const wanted = authzUser === undefined ? auth : `${auth} with an authorization identity`;
  throw new MailhaulError('login-mechanism', { host, port, user, wanted, offered: 'auto, plain, login' });
}

/** Judges the login that imapflow chose: it falls back without a word. Throws MailhaulError. */
function assertDoor(client: ImapFlow, { host, port, user, auth, security, authzUser }: ImapEndpoint): void {
  // RFC 3501 §7.1.4: PREAUTH skips the login and with it STARTTLS, so who is at the other end was never asked
  if (client.greeting === undefined && security !== 'none') {
    throw new MailhaulError('login-mechanism', { host, port, user, wanted: auth, offered: 'PREAUTH' });
  }
  const used = (client as unknown as Internals).authCapabilities;
  if (
    client.greeting !== undefined &&
    (auth === 'plain' || authzUser !== undefined) &&
    used.get('AUTH=PLAIN') !== true
  ) {
    throw new MailhaulError('login-mechanism', { host, port, user, wanted: 'plain', offered: 'login' });
  }
}

/** connect() under one deadline: imapflow's own watch silence, a server that trickles would hold it open. */
async function withinLogin(client: ImapFlow, options: ImapOptions, peer: Peer): Promise<void> {
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
  try {
    await Promise.race([client.connect(), stopped]);
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

function secretsOf({ user, password, authzUser = '' }: ImapEndpoint): string[] {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return [password, base64(password), base64(`${authzUser}\0${user}\0${password}`)];
}
