/** A receiver of webhooks: http or https on 127.0.0.1; it verifies each request by the library's own verifier. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Notification } from '../../src/notify/message.ts';
import type { Certificates } from './certificates.ts';

/** A request that came in. */
export interface Received {
  readonly id: string;
  /** By which of the secrets the signature is right. */
  readonly verified: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly notification: Notification;
}

export class WebhookReceiver {
  readonly received: Received[] = [];
  /** The answers to come; 204 when there are no more. A string is where it redirects to; 0 hangs. */
  readonly answers: (number | string)[] = [];
  readonly #secrets: readonly string[];
  readonly #secure: boolean;
  #server!: Server;
  #port = 0;

  private constructor(secrets: readonly string[], secure: boolean) {
    this.#secrets = secrets;
    this.#secure = secure;
  }

  static async start({
    secrets,
    certificates,
  }: {
    secrets: readonly string[];
    certificates?: Certificates;
  }): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(secrets, certificates !== undefined);
    const listener: RequestListener = (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        receiver.#take(request.headers, Buffer.concat(pieces).toString());
        const answer = receiver.answers.shift() ?? 204;
        if (answer === 0) return;
        if (typeof answer === 'string') response.writeHead(302, { location: answer }).end();
        else response.writeHead(answer).end('x'.repeat(answer === 500 ? 1_000_000 : 0));
      });
    };
    receiver.#server = certificates ? createSecureServer(certificates, listener) : createServer(listener);
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    receiver.#port = (receiver.#server.address() as AddressInfo).port;
    return receiver;
  }

  get url(): string {
    return `${this.#secure ? 'https' : 'http'}://127.0.0.1:${this.#port}/hook?a=b`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(headers: IncomingHttpHeaders, body: string): void {
    const verified = this.#secrets.filter((secret) => {
      try {
        new Webhook(secret).verify(body, headers as Record<string, string>);
        return true;
      } catch {
        return false;
      }
    });
    const notification = JSON.parse(body) as Notification;
    this.received.push({ id: String(headers['webhook-id']), verified, headers, body, notification });
  }
}
