/**
 * A line on which it is seen who waits for whom. What a client says between two answers that reached it is one flight: it
 * was said without another round trip. An answer that is held back shows what is said without it.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** One connection. */
export interface Flights {
  /** What the client said, flight by flight. */
  readonly said: string[];
  /** True when the client has ended or dropped it. */
  left: boolean;
}

/** Whether the answers to all that was said on a connection are still held back. */
export type Hold = (said: string) => boolean;

interface Line extends Flights {
  readonly held: Buffer[];
  readonly client: Socket;
  answered: boolean;
}

/** Hands everything on to a port of this machine, and remembers how it was said. */
export class FlightProxy {
  readonly #server: Server;
  readonly #hold: Hold;
  readonly #sockets = new Set<Socket>();
  #lines: Line[] = [];

  private constructor(server: Server, hold: Hold) {
    this.#server = server;
    this.#hold = hold;
  }

  static async start(targetPort: number, hold: Hold = () => false): Promise<FlightProxy> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    const proxy = new FlightProxy(server, hold);
    server.on('connection', (client) => proxy.#carry(client, targetPort));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The connections since this was last asked, in their order. */
  take(): Flights[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** Connections that the client has not ended. */
  get open(): number {
    return this.#lines.filter(({ left }) => !left).length;
  }

  /** Lets go what need not be held any more. */
  look(): void {
    for (const line of this.#lines) this.#release(line);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(client: Socket, port: number): void {
    const server = connect({ port, host: '127.0.0.1', noDelay: true });
    const line: Line = { said: [], left: false, held: [], client, answered: true };
    this.#lines.push(line);
    for (const socket of [client, server]) this.#sockets.add(socket);
    const leave = () => {
      line.left = true;
      server.end();
    };
    client
      .on('error', () => {})
      .on('end', leave)
      .on('close', leave);
    server.on('error', () => {}).on('close', () => line.held.length === 0 && client.end());
    client.on('data', (bytes: Buffer) => {
      if (line.answered) line.said.push('');
      line.answered = false;
      line.said.push(line.said.pop() + bytes.toString('latin1'));
      server.write(bytes);
      this.#release(line);
    });
    server.on('data', (bytes: Buffer) => {
      line.held.push(bytes);
      this.#release(line);
    });
  }

  #release(line: Line): void {
    const { held, client, said } = line;
    if (held.length === 0 || this.#hold(said.join(''))) return;
    line.answered = true;
    for (const bytes of held.splice(0)) if (client.writable) client.write(bytes);
  }
}
