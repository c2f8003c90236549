/** A socket with a deadline on everything: bytes out with back-pressure, answers in. */
import type { Socket } from 'node:net';
import { MailhaulError } from '../ground/errors.ts';
import { ReusedBuffers } from '../ground/reused-buffers.ts';
import { type Peer, socketError } from './classify.ts';
import { drop } from './drop.ts';
import type { Response } from './response.ts';
import { LineTooLong, ResponseReader } from './response-reader.ts';

/** What a wire tells its owner. */
export interface WireEvents {
  onResponse(response: Response): void;
  /** Once: the socket is gone, whoever caused it. */
  onFailure(error: Error): void;
}

/** The settings of a wire. */
export interface WireLimits {
  imapWriteTimeoutMs: number;
  imapLineMaxBytes: number;
}

// Small pieces are gathered into one write of this size, larger ones are cut, so that the deadline watches progress
const WRITE_BYTES = 128 * 1024;

/** One connection. Every method that waits rejects with the failure as soon as there is one. */
export class Wire {
  /** What is going on, for error texts. */
  during = 'login';
  /** Called once when the wire is dead, before its events. */
  onEnd: (() => void) | undefined;
  /** For what is read only to be written here. */
  readonly buffers = new ReusedBuffers(() => this.taken);
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #limits: WireLimits;
  readonly #events: WireEvents;
  readonly #reader: ResponseReader;
  #failure: Error | undefined;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  /** All bytes that were written so far, those that are gathered included. */
  #accepted = 0;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, peer: Peer, limits: WireLimits, events: WireEvents) {
    this.#socket = socket;
    this.#peer = peer;
    this.#limits = limits;
    this.#events = events;
    this.#reader = new ResponseReader(limits.imapLineMaxBytes, (response) => {
      if (this.#failure === undefined) this.#events.onResponse(response);
    });
    socket.on('error', (error) => this.fail(socketError(peer, this.during, error)));
    socket.on('close', () => this.fail(socketError(peer, this.during)));
    socket.on('end', () => this.fail(socketError(peer, this.during)));
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.resume();
    // It may have ended before anyone listened
    if (socket.destroyed || socket.readableEnded) process.nextTick(() => this.fail(socketError(peer, this.during)));
  }

  /** Bytes that are with the kernel, of all that were written. */
  get taken(): number {
    return this.#accepted - this.#gatheredBytes - this.#socket.writableLength;
  }

  /** Why the wire is dead; undefined while it lives. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Ends the connection at once, without a word to the server. The first failure is the one that counts. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#gathered = [];
    drop(this.#socket);
    this.onEnd?.();
    this.#wake?.();
    this.#events.onFailure(error);
  }

  /** Gathers bytes, and waits where the socket has enough of them. */
  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
      const piece = bytes.subarray(at, at + WRITE_BYTES);
      this.#gathered.push(piece);
      this.#gatheredBytes += piece.length;
      this.#accepted += piece.length;
      this.buffers.hold(piece, this.#accepted);
      if (this.#gatheredBytes >= WRITE_BYTES) await this.#push();
    }
    this.#assertAlive();
  }

  /** Resolves when everything written so far is with the kernel. */
  async flush(): Promise<void> {
    await this.#push();
    await this.#until(() => this.#socket.writableLength === 0);
  }

  /** Hands bytes to the socket in one write of their own, without waiting. Throws where the wire is dead. */
  writeNow(bytes: Buffer): void {
    this.#assertAlive();
    this.#accepted += bytes.length;
    this.#socket.write(bytes);
  }

  async #push(): Promise<void> {
    this.#assertAlive();
    if (this.#gatheredBytes === 0) return;
    const pieces = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece, this.#onWritten);
    this.#socket.uncork();
    // One write may be on its way while the next is gathered
    await this.#until(() => this.#socket.writableLength <= WRITE_BYTES);
  }

  readonly #onWritten = (): void => this.#wake?.();

  /** Waits for the socket to take bytes, at most imapWriteTimeoutMs. One waiter at a time. */
  #until(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const { imapWriteTimeoutMs } = this.#limits;
      const timer = setTimeout(() => this.fail(this.silence(imapWriteTimeoutMs)), imapWriteTimeoutMs);
      const check = () => {
        if (this.#failure === undefined && !done()) return;
        clearTimeout(timer);
        this.#wake = undefined;
        if (this.#failure === undefined) resolve();
        else reject(this.#failure);
      };
      this.#wake = check;
      check();
    });
  }

  /** The error of a server that did nothing for so long. */
  silence(ms: number): MailhaulError {
    return new MailhaulError('server-silent', { ...this.#peer, seconds: ms / 1000, during: this.during });
  }

  #assertAlive(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #onData(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    try {
      this.#reader.push(chunk);
    } catch (thrown) {
      const reply =
        thrown instanceof LineTooLong ? `a line of more than ${this.#limits.imapLineMaxBytes} bytes` : 'unreadable';
      this.fail(new MailhaulError('protocol-error', { ...this.#peer, during: this.during, reply }, thrown));
    }
  }
}
