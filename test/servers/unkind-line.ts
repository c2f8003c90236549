/** A line to a server on this machine that is reset after so many bytes, or that carries one byte at a time. */
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { LoopbackServer } from './loopback.ts';

/** `up` is what the client sends, `down` what the server sends. */
export type Direction = 'up' | 'down';

/** What is unkind about a line. Without anything it only counts. */
export interface Unkindness {
  /** Once so many bytes went in a direction, over all connections, the connection is reset; later ones are left alone. */
  readonly reset?: { readonly direction: Direction; readonly afterBytes: number };
  /** Every byte is a write of its own, and the next one comes when the other side could read it. */
  readonly dribbles?: boolean;
}

/** Long enough for a program with nothing else to do to read a byte before the next one comes. */
const apartMs = 1;

/** Listens on a loopback port and hands everything on to another. */
export class UnkindLine extends LoopbackServer {
  /** Bytes handed on so far. */
  readonly carried: Record<Direction, number> = { up: 0, down: 0 };
  /** How many connections were reset: none or one. */
  resets = 0;
  readonly #unkindness: Unkindness;
  readonly #targetPort: number;

  private constructor(targetPort: number, unkindness: Unkindness) {
    super();
    this.#targetPort = targetPort;
    this.#unkindness = unkindness;
  }

  /** Starts one on a free port of 127.0.0.1. */
  static start(targetPort: number, unkindness: Unkindness = {}): Promise<UnkindLine> {
    return new UnkindLine(targetPort, unkindness).listen();
  }

  protected serve(client: Socket): void {
    const server = connect({ port: this.#targetPort, host: '127.0.0.1', noDelay: true });
    const ends = [client, server];
    for (const [at, socket] of ends.entries()) {
      const other = ends[1 - at]!;
      this.keep(socket);
      socket.on('error', () => other.destroy());
      socket.on('end', () => other.end());
    }
    void this.#carryOneWay(client, server, 'up');
    void this.#carryOneWay(server, client, 'down');
  }

  async #carryOneWay(from: Socket, to: Socket, direction: Direction): Promise<void> {
    const { dribbles } = this.#unkindness;
    // A reset right at the start needs no byte.
    if (this.#resetIfDue(from, to, direction)) return;
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (const piece of dribbles ? bytesOf(chunk) : [chunk]) {
          const part = piece.subarray(0, this.#room(direction));
          this.carried[direction] += part.length;
          if (!to.destroyed) to.write(part);
          if (dribbles) await wait(apartMs);
          if (this.#resetIfDue(from, to, direction)) return;
        }
      }
    } catch {
      // The connection broke: its other half hears of it by the error's own listener.
    }
  }

  /** How many bytes may still go in this direction before the reset. */
  #room(direction: Direction): number {
    const { reset } = this.#unkindness;
    if (!reset || reset.direction !== direction || this.resets > 0) return Number.POSITIVE_INFINITY;
    return reset.afterBytes - this.carried[direction];
  }

  #resetIfDue(from: Socket, to: Socket, direction: Direction): boolean {
    if (this.#room(direction) > 0) return false;
    this.resets += 1;
    // What was handed on is on its way before the reset follows it.
    to.write('', () => {
      to.resetAndDestroy();
      from.resetAndDestroy();
    });
    return true;
  }
}

function* bytesOf(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.length; at += 1) yield chunk.subarray(at, at + 1);
}
