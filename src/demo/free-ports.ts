/** Loopback ports for servers that are started by hand. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const first = 12_000;
const last = 31_999;

/**
 * As many ports of 127.0.0.1 as asked for, all free now. They lie below the range from which Linux takes the ports of
 * outgoing connections: a server that is restarted finds its port free, and a client that knocks at a server that is
 * down cannot be connected to itself.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  try {
    while (held.size < count) {
      const port = first + Math.floor(Math.random() * (last - first + 1));
      const server = held.has(port) ? undefined : await listen(port);
      if (server) held.set(port, server);
    }
    return [...held.keys()];
  } finally {
    await Promise.all([...held.values()].map((server) => once(server.close(), 'close')));
  }
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer().listen({ port, host: '127.0.0.1', exclusive: true });
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
