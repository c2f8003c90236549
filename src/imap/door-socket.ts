/**
 * Has imapflow speak on a socket that is open already, so that both protocols reach their servers by the same code; and
 * looks at the socket once more before imapflow logs in. What both use of imapflow's insides stands here, and their
 * tests fail when a version moves it.
 */
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { openTcp } from '../transport/tcp.ts';
import { assertPeer, tlsOptions } from '../transport/tls.ts';
import { directTransport, type Opening, type Target, type Transport } from '../transport/transport.ts';

/** What of imapflow is used here. */
export interface FlowSocket {
  connect(): Promise<unknown>;
  authenticate(): Promise<unknown>;
  socket: Socket;
  writeSocket: Socket;
}

/** What is asked of the socket. */
interface Guarded extends Target {
  readonly security: 'tls' | 'starttls' | 'none';
  readonly tlsCa?: string | undefined;
  readonly transport?: Transport | undefined;
}

/** An open socket on its way to imapflow. */
export interface DoorSocket {
  /** For imapflow's `tls`. */
  readonly options: ConnectionOptions;
  /** What is left of the time to connect. */
  readonly leftMs: number;
  /** imapflow's connect() on this socket. */
  start(client: FlowSocket): Promise<unknown>;
  destroy(): void;
}

const noop = (): void => {};

// They make imapflow's own plain socket look for an address for ever: it is put away before it finds one.
const idleSocketOptions = { host: 'idle.invalid', lookup: (): void => {} } as const;

/** Connects, through a proxy or not. Throws what `openTcp` throws. */
export async function openDoorSocket(endpoint: Guarded, opening: Opening): Promise<DoorSocket> {
  const { host, security, tlsCa, transport = directTransport } = endpoint;
  const began = performance.now();
  const socket = await openTcp(endpoint, transport, opening);
  return {
    options: { ...tlsOptions(host, transport, tlsCa), ...(security === 'tls' ? { socket } : idleSocketOptions) },
    leftMs: Math.max(1, opening.timeoutMs - (performance.now() - began)),
    start: (client) => (security === 'tls' ? client.connect() : startPlain(client, socket)),
    destroy: () => void socket.destroy(),
  };
}

/**
 * connect() on an open socket without TLS. imapflow makes a socket of its own, with `idleSocketOptions`, which is
 * replaced in the same turn of the event loop; what is to happen once it is connected happens to the other one, which
 * begins with listeners for whatever can go wrong.
 */
function startPlain(client: FlowSocket, socket: Socket): Promise<unknown> {
  const connecting = client.connect();
  const idle = client.socket;
  const begin = idle.listeners('connect') as (() => void)[];
  idle.removeAllListeners().on('error', noop).destroy();
  client.socket = socket;
  client.writeSocket = socket;
  for (const listener of begin) listener();
  return connecting;
}

/**
 * Gives every socket that imapflow takes a listener for errors that stays. Node emits a second error where bytes that are
 * no TLS follow the handshake of a server whose certificate does not verify: imapflow has stopped listening by then, and
 * without a listener that error would end the program.
 */
export function outliveErrors(client: FlowSocket): void {
  let current = client.socket;
  Object.defineProperty(client, 'socket', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (socket: Socket) => {
      current = socket;
      // imapflow lets go of its socket by null.
      socket?.on('error', noop);
    },
  });
}

/** Told apart from a guard that never stood there. */
export interface LoginGuard {
  /** Whether the login began: the server is the one that was meant. */
  readonly passed: boolean;
  /** Throws a plain Error where imapflow logged in by another way (another version). */
  assertPassed(): void;
}

/**
 * Has imapflow stop before its login, whatever led it there, unless the socket is in TLS and the pin holds: nothing that
 * is secret goes before. A rejection of connect() with what `assertPeer` throws is the consequence.
 */
export function guardLogin(client: FlowSocket, endpoint: Guarded): LoginGuard {
  const { security, transport = directTransport } = endpoint;
  const logIn = client.authenticate.bind(client);
  let passed = false;
  client.authenticate = async () => {
    if (security !== 'none') assertPeer(client.socket, endpoint, transport);
    passed = true;
    return logIn();
  };
  return {
    get passed() {
      return passed;
    },
    assertPassed() {
      if (!passed) throw new Error('imapflow logged in unguarded');
    },
  };
}
