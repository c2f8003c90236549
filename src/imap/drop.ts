/** Dropping a connection so that nothing more of it arrives. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** What Node has below a TLS socket: the TCP handle, which alone can be reset. */
interface TcpHandle {
  close(done?: () => void): unknown;
  reset(done?: () => void): number;
}

/**
 * Resets the connection. Of one that is merely closed the kernel goes on sending what it holds, for minutes when the
 * network is away: the last bytes of an APPEND would arrive when another session has sent the message (design §8).
 */
export function drop(socket: Socket): void {
  if (!(socket instanceof TLSSocket)) return void socket.resetAndDestroy();
  // https://github.com/nodejs/node/blob/v20.x/lib/net.js: resetAndDestroy() takes bare TCP sockets only.
  const tcp = (socket as unknown as { _handle?: { _parent?: Partial<TcpHandle> } | null })._handle?._parent;
  if (typeof tcp?.reset === 'function' && typeof tcp.close === 'function') resetOnClose(tcp as TcpHandle);
  socket.destroy();
}

function resetOnClose(tcp: TcpHandle): void {
  const close = tcp.close.bind(tcp);
  tcp.close = (done) => {
    if (tcp.reset(done) !== 0) close(done);
  };
}
