/** An https server of the tests on 127.0.0.1, with a certificate of their own authority. */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificates } from './certificates.ts';

/** A running server, and the requests it got: `GET imap.test:1234/path`. */
export interface HttpsServer {
  readonly port: number;
  readonly requests: string[];
  readonly headers: IncomingMessage['headers'][];
  close(): void;
}

/** Starts a server that answers with `listener`. */
export async function startHttps(certificates: Certificates, listener: RequestListener): Promise<HttpsServer> {
  const requests: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const { cert, key } = certificates;
  const server: Server = createServer({ cert, key }, (request, response) => {
    requests.push(`${request.method} ${request.headers.host}${request.url}`);
    headers.push(request.headers);
    listener(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    headers,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
