/** A real proxy, SOCKS 4, 4a and 5 (RFC 1928, 1929) or HTTP CONNECT (RFC 9110 §9.3.6), which remembers what it was asked. */
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { LoopbackServer } from './loopback.ts';

/** What the proxy does. */
export interface ProxyBehaviour {
  kind: 'socks5' | 'socks4' | 'http';
  /** Asked for where given. */
  login?: { user: string; password: string };
  /** Addresses that only the proxy knows, by name; other names are those of the system. */
  names?: Readonly<Record<string, string>>;
  /** Connects to nobody, and says so. */
  refuses?: boolean;
  /** Says nothing, or closes, when it was asked to connect. */
  at?: 'hangs' | 'closes';
  /** Waits for the first bytes of the server and sends them in one packet with its own answer. */
  together?: boolean;
}

/** Reads a client's part, byte by byte. */
class Input {
  #bytes = Buffer.alloc(0);
  #wake: () => void = () => {};
  readonly #socket: Socket;
  readonly #keep = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#wake();
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#keep);
  }

  async take(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) await this.#more();
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  async until(end: string): Promise<string> {
    while (!this.#bytes.includes(end)) await this.#more();
    return (await this.take(this.#bytes.indexOf(end) + end.length)).toString('latin1').slice(0, -end.length);
  }

  /** What came too early, and no more. */
  rest(): Buffer {
    this.#socket.off('data', this.#keep).pause();
    return this.#bytes;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A running proxy. */
export class ProxyServer extends LoopbackServer {
  /** `host:port` of every request that was let through, as it was asked for. */
  readonly targets: string[] = [];
  /** Logins that were tried. */
  readonly logins: { user: string; password: string }[] = [];
  /** Addresses that clients came from. */
  readonly clients: string[] = [];
  readonly behaviour: ProxyBehaviour;

  private constructor(behaviour: ProxyBehaviour) {
    super();
    this.behaviour = behaviour;
  }

  static start(behaviour: ProxyBehaviour): Promise<ProxyServer> {
    return new ProxyServer(behaviour).listen();
  }

  protected serve(socket: Socket): void {
    this.clients.push(socket.remoteAddress ?? '');
    void this.#serve(socket);
  }

  async #serve(client: Socket): Promise<void> {
    const input = new Input(client);
    const { kind } = this.behaviour;
    const serve = kind === 'http' ? this.#http : kind === 'socks5' ? this.#socks5 : this.#socks4;
    await serve.call(this, client, input);
  }

  async #socks5(client: Socket, input: Input): Promise<void> {
    const [, methods = 0] = await input.take(2);
    const offered = await input.take(methods);
    const method = this.behaviour.login ? 2 : 0;
    if (!offered.includes(method)) return void client.end(Buffer.of(5, 255));
    client.write(Buffer.of(5, method));
    if (method === 2 && !(await this.#socks5Login(client, input))) return;
    const [, , , type = 0] = await input.take(4);
    const length = type === 1 ? 4 : type === 4 ? 16 : (await input.take(1))[0]!;
    const bytes = await input.take(length);
    const host = type === 3 ? bytes.toString() : type === 1 ? bytes.join('.') : groups(bytes);
    const port = (await input.take(2)).readUInt16BE();
    const answer = (code: number) => Buffer.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0);
    await this.#connect(client, input, { host, port }, answer(0), answer(5));
  }

  async #socks5Login(client: Socket, input: Input): Promise<boolean> {
    const text = async () => (await input.take((await input.take(1))[0]!)).toString();
    await input.take(1);
    const fine = this.#isLogin(await text(), await text());
    client.write(Buffer.of(1, fine ? 0 : 1));
    if (!fine) client.end();
    return fine;
  }

  async #socks4(client: Socket, input: Input): Promise<void> {
    const head = await input.take(8);
    await input.until('\0');
    const address = head.subarray(4, 8);
    // SOCKS 4a: 0.0.0.x says that a name follows.
    const named = address.readUInt32BE() < 256;
    const host = named ? await input.until('\0') : address.join('.');
    const answer = (code: number) => Buffer.of(0, code, 0, 0, 0, 0, 0, 0);
    await this.#connect(client, input, { host, port: head.readUInt16BE(2) }, answer(90), answer(91));
  }

  async #http(client: Socket, input: Input): Promise<void> {
    const head = await input.until('\r\n\r\n');
    const [, host = '', port = ''] = /^CONNECT \[?([^\s\]]+?)\]?:(\d+) HTTP\/1\.1\r\n/.exec(head) ?? [];
    const [, given = ''] = /\r\nProxy-Authorization: Basic (\S+)/i.exec(head) ?? [];
    const [user = '', ...password] = Buffer.from(given, 'base64').toString().split(':');
    const answer = (status: string) => Buffer.from(`HTTP/1.1 ${status}\r\nVia: test\r\n\r\n`);
    if (this.behaviour.login && !this.#isLogin(user, password.join(':'))) {
      return void client.end(answer('407 Proxy Authentication Required'));
    }
    await this.#connect(client, input, { host, port: Number(port) }, answer('200 OK'), answer('403 Forbidden'));
  }

  #isLogin(user: string, password: string): boolean {
    this.logins.push({ user, password });
    const { login } = this.behaviour;
    return user === login?.user && password === login.password;
  }

  async #connect(
    client: Socket,
    input: Input,
    { host, port }: { host: string; port: number },
    yes: Buffer,
    no: Buffer,
  ): Promise<void> {
    const { at, refuses, names = {}, together } = this.behaviour;
    if (at === 'hangs') return;
    if (at === 'closes') return void client.end();
    if (refuses) return void client.end(no);
    this.targets.push(isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`);
    const server = connect({ host: names[host] ?? host, port, noDelay: true });
    this.keep(server);
    const failed = () => client.end(no);
    server.once('error', failed);
    await once(server, 'connect').catch(() => {});
    if (server.destroyed) return;
    server.off('error', failed);
    const first = together ? ((await once(server, 'data')) as [Buffer])[0] : Buffer.alloc(0);
    server.pause();
    client.write(Buffer.concat([yes, first]));
    server.write(input.rest());
    client.pipe(server);
    server.pipe(client);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }
}

function groups(bytes: Buffer): string {
  const parts = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16));
  return parts.join(':').replace(/^0:0:0:0:0:0:0:/, '::');
}
