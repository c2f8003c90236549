/** What connections to Redis do with the socket that ioredis keeps to itself. */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

const noop = (): void => {};
const socketOf = (connection: EventEmitter) => (connection as { stream?: Socket }).stream;

/**
 * Holds back what is written until what has come by now is worked off: commands that are given meanwhile, by whomever, go
 * in one write, and Redis is woken once for them. Their order stays.
 */
export function writeTogether(connection: EventEmitter): void {
  const socket = socketOf(connection);
  if (!socket || socket.writableCorked > 0) return;
  socket.cork();
  setImmediate(() => socket.uncork());
}

/**
 * Has a command wait until the connection is ready. ioredis would send some (INFO, SUBSCRIBE, PUBLISH) as soon as there is a
 * connection, and forgets them where that is lost before it is ready: whoever asked would wait for ever.
 */
export function waitUntilReady(connection: EventEmitter, command: object): void {
  const { offlineQueue, condition } = connection as unknown as Waiting;
  offlineQueue.push({ command, select: condition?.select ?? 0 });
}

/** What ioredis itself sends before a connection is ready, besides its ready check (INFO), and what ends one. */
const early: ReadonlySet<string> = new Set(['auth', 'hello', 'client', 'select', 'readonly', 'quit']);

/** True for a command that is given while the connection is there and not ready, and that is not about making it ready. */
export function isTooEarly(connection: EventEmitter, { name }: { readonly name: string }): boolean {
  return (connection as unknown as Waiting).status === 'connect' && !early.has(name);
}

interface Waiting {
  readonly status: string;
  readonly condition: { readonly select: number } | null;
  readonly offlineQueue: { push(item: object): void };
}

/**
 * Keeps listening to a socket that has failed. ioredis listens to the first error only, and Node emits a second one where
 * a server ends its handshake with an alert and its certificate does not verify: nobody would hear it, and the program end.
 */
export function outliveErrors<Connection extends EventEmitter>(connection: Connection): Connection {
  return connection.on('error', () => {
    const socket = socketOf(connection);
    if (socket?.listeners('error').includes(noop) === false) socket.on('error', noop);
  });
}
