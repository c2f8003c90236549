/**
 * Has imapflow speak on a socket that is open already, so that both protocols reach their servers by the same code; and
 * looks at the socket once more before imapflow logs in. What both use of imapflow's insides stands here, and their
 * tests fail when a version moves it.
 */
import type { Socket } from 'node:net';
import { assertPeer } from '../transport/tls.ts';
import { directTransport, type Target, type Transport } from '../transport/transport.ts';

/** What of imapflow is used here. */
export interface FlowSocket {
  connect(): Promise<unknown>;
  authenticate(): Promise<unknown>;
  socket: Socket;
  writeSocket: Socket;
}

/** Options that make imapflow's own plain socket look for an address for ever: it is put away before it finds one. */
export const idleSocketOptions = { host: 'idle.invalid', lookup: (): void => {} } as const;

/**
 * connect() on an open socket without TLS. imapflow makes a socket of its own, with `idleSocketOptions`, which is
 * replaced in the same turn of the event loop; what is to happen once it is connected happens to the other one.
 */
export function startPlain(client: FlowSocket, socket: Socket): Promise<unknown> {
  const connecting = client.connect();
  const idle = client.socket;
  const begin = idle.listeners('connect') as (() => void)[];
  const onError = idle.listeners('error') as ((error: Error) => void)[];
  idle
    .removeAllListeners()
    .on('error', () => {})
    .destroy();
  for (const listener of onError) socket.on('error', listener);
  client.socket = socket;
  client.writeSocket = socket;
  for (const listener of begin) listener();
  return connecting;
}

/** What is asked of the socket at the moment of the login. */
interface Guarded extends Target {
  readonly security: 'tls' | 'starttls' | 'none';
  readonly transport?: Transport | undefined;
}

/** Told apart from a guard that never stood there. */
export interface LoginGuard {
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
    assertPassed() {
      if (!passed) throw new Error('imapflow logged in unguarded');
    },
  };
}
