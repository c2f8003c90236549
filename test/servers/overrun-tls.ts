/** A server that sends bytes which are no TLS right behind its part of the handshake, in one packet with it. */
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { LoopbackServer } from './loopback.ts';

/** What is said in plain text before TLS: a greeting, and the answer to each line; TLS follows an answer that asks for it. */
export interface PlainTalk {
  readonly greeting: string;
  readonly answer: (line: string) => { readonly text: string; readonly tls?: true };
}

/** A running one. Without `talk` it speaks TLS at once. */
export class OverrunTlsServer extends LoopbackServer {
  readonly #honest: Server;
  readonly #talk: PlainTalk | undefined;

  private constructor(honest: Server, talk: PlainTalk | undefined) {
    super();
    this.#honest = honest;
    this.#talk = talk;
  }

  static async start(tls: { key: string; cert: string }, talk?: PlainTalk): Promise<OverrunTlsServer> {
    const honest = createServer(tls);
    honest.on('tlsClientError', () => {}).listen(0, '127.0.0.1');
    await once(honest, 'listening');
    return new OverrunTlsServer(honest, talk).listen();
  }

  protected serve(socket: Socket): void {
    if (this.#talk) this.#speak(socket, this.#talk);
    else this.#handshake(socket);
  }

  #speak(socket: Socket, { greeting, answer }: PlainTalk): void {
    socket.write(greeting);
    const onData = (line: Buffer): void => {
      const { text, tls } = answer(line.toString('latin1'));
      if (tls) socket.off('data', onData).pause();
      socket.write(text);
      if (tls) this.#handshake(socket);
    };
    socket.on('data', onData);
  }

  #handshake(client: Socket): void {
    const honest = connect((this.#honest.address() as AddressInfo).port, '127.0.0.1');
    this.keep(honest);
    honest.once('data', (flight: Buffer) => {
      client.write(Buffer.concat([flight, Buffer.from('no record of TLS at all\r\n')]));
      honest.pipe(client);
    });
    client.pipe(honest);
  }

  override async close(): Promise<void> {
    await super.close();
    this.#honest.close();
  }
}
