/** One question over http or https, on a connection of its own that goes the way of its host. */
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { MailhaulError } from '../ground/errors.ts';
import { settled } from './settled.ts';
import { lateConnection, openTcp } from './tcp.ts';
import { tlsError, tlsOptions } from './tls.ts';
import type { Opening, Target, Transport } from './transport.ts';

/** A question, and how its host is reached. */
export interface WebQuestion extends Opening {
  /** With http: everything travels in the clear, and who asks answers for it. */
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  readonly transport: Transport;
  /** Authorities that are trusted instead of those of Node.js, as PEM text. */
  readonly tlsCa?: string | undefined;
  /** Ends all of it, the reading of the answer too. */
  readonly signal: AbortSignal;
}

/** The host of an address, an IPv6 one without its brackets, and its port. */
export function webTarget({ protocol, hostname, port }: URL): Target {
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}

/**
 * Asks, and has `read` take what is needed of the answer; then the connection is closed, whatever is still to come.
 * Redirects are answers like any other. `timeoutMs` is for the connection; the signal is for all of it.
 * @throws MailhaulError what `openTcp` throws, `tls-unverified` and the others of `tlsError`; the reason of the signal;
 * an Error of Node where what comes is no http, or ends early
 */
export async function askWeb<Answer>(
  question: WebQuestion,
  read: (response: IncomingMessage) => Promise<Answer>,
): Promise<Answer> {
  const socket = await openSocket(question);
  // Between here and the request nobody else listens.
  socket.on('error', () => {});
  try {
    return await exchange(question, socket, read);
  } finally {
    socket.destroy();
  }
}

/** The body of an answer. Throws an Error where it is larger than `maxBytes`, and does not read on. */
export async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function openSocket(question: WebQuestion): Promise<Socket> {
  const { url, transport, timeoutMs, signal } = question;
  const target = webTarget(url);
  const began = performance.now();
  const socket = await openTcp(target, transport, question).catch((error: unknown) => {
    // The deadline of the whole may be over first: only here it is known what was waited for.
    if (error === signal.reason && isTimeout(error)) throw lateConnection(target, transport, timeoutMs);
    throw error;
  });
  if (url.protocol !== 'https:') return socket;
  return openTls(socket, target, question, Math.max(1, timeoutMs - (performance.now() - began)));
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}

async function openTls(
  tcp: Socket,
  target: Target,
  { transport, tlsCa, timeoutMs, signal }: WebQuestion,
  leftMs: number,
): Promise<TLSSocket> {
  let socket: TLSSocket;
  try {
    socket = connectTls({ socket: tcp, host: target.host, ...tlsOptions(target.host, transport, tlsCa) });
  } catch (error) {
    tcp.destroy();
    throw tlsError(target, error);
  }
  const late = () => new MailhaulError('tls-failed', { ...target, reason: `no answer within ${timeoutMs / 1000} s` });
  const opening = { timeoutMs: leftMs, signal };
  await settled(socket, 'secureConnect', opening, late, (error) => tlsError(target, error));
  return socket;
}

function exchange<Answer>(
  { url, method, headers, body, signal }: WebQuestion,
  socket: Socket,
  read: (response: IncomingMessage) => Promise<Answer>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({
      method,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, ...headers },
      createConnection: () => socket,
    });
    const onAbort = () => {
      reject(signal.reason);
      asked.destroy();
    };
    const leave = () => signal.removeEventListener('abort', onAbort);
    asked.on('error', (error) => {
      leave();
      reject(error);
    });
    asked.once('response', (response) => void read(response).then(resolve, reject).finally(leave));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    asked.end(body);
  });
}
