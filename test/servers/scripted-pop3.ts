/** A POP3 server that does what it is told, for everything that real servers do not do on demand. */
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ScriptedSession } from './scripted-pop3-session.ts';

/** One message of the maildrop: the bytes that a correct client must end up with. */
export interface ScriptedMessage {
  bytes: Buffer;
  /** Unique id; undefined leaves the message out of UIDL. */
  uidl?: string | Buffer | undefined;
  /** What LIST says instead of the true size. */
  octets?: number | string;
}

/** What the server does. Everything left out is what a good server does. A verb is an upper-case command name. */
export interface PopBehaviour {
  messages?: ScriptedMessage[];
  user?: string;
  password?: string;
  /** Takes every user with the password; all have the same mail. */
  anyUser?: boolean;
  /** Lines of CAPA; false refuses CAPA. A function gives them by what was done before. */
  capabilities?: string[] | false | ((state: { tls: boolean; loggedIn: boolean }) => string[] | false);
  /**
   * Answers AUTH instead of the server: the raw line for what the client has said so far, decoded; undefined for a
   * command without a first response. A lone plus asks for more, and +OK opens the maildrop.
   */
  sasl?: (mechanism: string, said: readonly (string | undefined)[]) => string | undefined;
  /** Key and certificate: TLS at once with `implicitTls`, after STLS otherwise. */
  tls?: { key: string; cert: string };
  implicitTls?: boolean;
  greeting?: string;
  /** Raw bytes instead of the usual answer, by the whole command line or by verb. CRLFs are not added. */
  replies?: Record<string, string | Buffer>;
  /** Commands (whole line or verb) that get no answer, and neither does what comes after them. */
  hangAt?: string;
  /** Commands (whole line or verb) at which the connection is closed instead. */
  dropAt?: string;
  /** Closes the connection after that many bytes of the answer to the command (whole line or verb). */
  cut?: { at: string; afterBytes: number };
  /** Falls silent after that many bytes of the answer to the command (whole line or verb). */
  stall?: { at: string; afterBytes: number };
  /** Cuts each answer into writes that TCP keeps apart: pieces of `size` bytes, or of the sizes listed and the rest. */
  pieces?: { size: number } | { sizes: number[]; at: string };
  /** Sent right behind the +OK of STLS. */
  injectAfterStls?: string;
  /** Throws away what arrives behind a command in the same read. */
  oneCommandPerRead?: boolean;
  /** Answers nothing until this many commands of the verb are waiting, or `release` is called. */
  holdUntil?: { verb: string; waiting: number };
  /** Lists at most so many messages a session, and those no more that a session fetched and then ended with QUIT. */
  hides?: { atMost: number };
  /** Called when a session ended with QUIT. */
  afterQuit?: () => void;
  /** Sent without being asked, right after the login. */
  afterLogin?: string;
  /** Applies only to the first connection; later ones find a good server. */
  firstConnectionOnly?: boolean;
}

/** A running server and what it saw. */
export class ScriptedPop3 {
  /** Every command line, of all connections, in order. Logins included: this is a test server. */
  readonly transcript: string[] = [];
  /** When each of them came, in milliseconds since 1970. */
  readonly times: number[] = [];
  /** Most commands that waited for their answers at once. */
  mostWaiting = 0;
  /** Connections so far. */
  connections = 0;
  /** Most connections that were open at once. */
  mostOpen = 0;
  /** Bytes of answers handed to the system so far. */
  bytesSent = 0;
  readonly behaviour: PopBehaviour;
  /** What `hides` has hidden. */
  readonly hidden = new Set<ScriptedMessage>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #released: () => void = () => {};
  /** Settles at `release`. */
  readonly released: Promise<void>;

  private constructor(behaviour: PopBehaviour) {
    this.behaviour = behaviour;
    this.released = new Promise((resolve) => {
      this.#released = resolve;
    });
    const accept = (socket: Socket) => this.#accept(socket);
    const { tls, implicitTls } = behaviour;
    this.#server = implicitTls ? createTlsServer({ ...tls }, accept) : createTcpServer({ noDelay: true }, accept);
    // A client that refuses the certificate is an error here and the point of a test there.
    this.#server.on('tlsClientError', () => {});
  }

  /** Starts one on a free port of 127.0.0.1. */
  static async start(behaviour: PopBehaviour = {}): Promise<ScriptedPop3> {
    const server = new ScriptedPop3(behaviour);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Lines of the transcript that begin with a verb. */
  seen(verb: string): string[] {
    return this.transcript.filter((line) => line.split(' ')[0] === verb);
  }

  /** Ends what `holdUntil` holds. */
  release(): void {
    this.#released();
  }

  /** Cuts all connections now. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutAll();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    this.mostOpen = Math.max(this.mostOpen, this.#sockets.size);
    socket.on('close', () => this.#sockets.delete(socket));
    const { messages, user, password, anyUser, tls, implicitTls } = this.behaviour;
    const good = { messages, user, password, anyUser, tls, implicitTls } as PopBehaviour;
    const spoiled = !this.behaviour.firstConnectionOnly || this.connections === 1;
    new ScriptedSession(this, socket, spoiled ? this.behaviour : good).greet();
  }
}
