/** What a dropped connection held is not sent any more: its peer learns of a reset, not of an end. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { drop } from '../../src/imap/drop.ts';
import { makeCertificates } from '../servers/certificates.ts';

const { ca, cert, key } = makeCertificates();

/** Listens, and gives the port and what the server's side of the first connection meets. */
async function listen(server: Server, event: 'connection' | 'secureConnection') {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const met = once(server, event).then(([socket]: Socket[]) => {
    socket!.resume().write('hello');
    return new Promise((resolve) => {
      socket!.once('end', () => resolve('end')).once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
    });
  });
  return { port: (server.address() as AddressInfo).port, met };
}

const plain = () => listen(createServer(), 'connection');
const secure = () => listen(createTlsServer({ cert, key }) as Server, 'secureConnection');

test.each([
  ['a bare socket', plain, (port: number) => connect(port, '127.0.0.1')],
  ['a TLS socket', secure, (port: number) => connectTls({ port, host: '127.0.0.1', ca })],
  [
    'a socket with STARTTLS',
    secure,
    (port: number) => connectTls({ socket: connect(port, '127.0.0.1'), ca, host: '127.0.0.1' }),
  ],
])('%s is reset', async (_name, server, open) => {
  const { port, met } = await server();
  const socket = open(port);
  await once(socket, 'data');
  const closed = once(socket, 'close');
  drop(socket);
  await closed;
  expect(await met).toBe('ECONNRESET');
  // A second time, and one that has ended by itself, does nothing.
  drop(socket);
});
