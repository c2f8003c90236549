/** One connection to the scripted POP3 server. */
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { PopBehaviour, ScriptedMessage, ScriptedPop3 } from './scripted-pop3.ts';

/** The capabilities of a good server. */
export const goodCapabilities = ['TOP', 'UIDL', 'PIPELINING', 'USER', 'SASL PLAIN', 'RESP-CODES', 'AUTH-RESP-CODE'];

// Long enough for the other side to read a piece before the next one is sent.
const apartMs = 15;

type Flow = 'go on' | 'be silent';

export class ScriptedSession {
  readonly #server: ScriptedPop3;
  readonly #behaviour: PopBehaviour;
  #socket: Socket;
  #tls: boolean;
  #loggedIn = false;
  #user = '';
  #input = '';
  #continues: ((line: string) => string) | undefined;
  readonly #waiting: string[] = [];
  readonly #fetched: ScriptedMessage[] = [];
  #busy = false;

  constructor(server: ScriptedPop3, socket: Socket, behaviour: PopBehaviour) {
    this.#server = server;
    this.#behaviour = behaviour;
    this.#socket = socket;
    this.#tls = behaviour.implicitTls === true;
    this.#listen();
  }

  greet(): void {
    this.#socket.write(this.#behaviour.greeting ?? '+OK scripted\r\n');
  }

  #listen(): void {
    this.#socket.on('error', () => {}).on('data', (chunk) => this.#received(chunk.toString('utf8')));
  }

  #received(text: string): void {
    this.#input += text;
    const lines = this.#input.split('\r\n');
    this.#input = lines.pop()!;
    if (this.#behaviour.oneCommandPerRead) lines.splice(1);
    this.#waiting.push(...lines);
    this.#server.transcript.push(...lines);
    this.#server.times.push(...lines.map(() => Date.now()));
    this.#server.mostWaiting = Math.max(this.#server.mostWaiting, this.#waiting.length);
    const { holdUntil } = this.#behaviour;
    if (holdUntil !== undefined && this.#isNext(holdUntil.verb) && this.#waiting.length >= holdUntil.waiting) {
      this.#server.release();
    }
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const { holdUntil } = this.#behaviour;
      if (holdUntil !== undefined && this.#isNext(holdUntil.verb)) await this.#server.released;
      if ((await this.#obey(this.#waiting.shift()!)) === 'be silent') return;
    }
    this.#busy = false;
  }

  #isNext(verb: string): boolean {
    return this.#waiting[0]?.split(' ')[0] === verb;
  }

  async #obey(line: string): Promise<Flow> {
    const matches = (command: string | undefined) => command === line || command === line.split(' ')[0];
    const { replies, hangAt, dropAt, cut, stall, injectAfterStls } = this.#behaviour;
    if (matches(hangAt)) return 'be silent';
    if (matches(dropAt)) {
      this.#socket.destroy();
      return 'be silent';
    }
    const given = replies?.[line] ?? replies?.[line.split(' ')[0]!];
    const answer = given === undefined ? this.#answer(line) : Buffer.from(given);
    const damage = matches(cut?.at) ? cut : matches(stall?.at) ? stall : undefined;
    if (damage !== undefined) {
      await this.#write(line, answer.subarray(0, damage.afterBytes));
      if (damage === cut) this.#socket.end();
      return 'be silent';
    }
    const upgrades = line === 'STLS' && answer[0] === 43;
    await this.#write(line, upgrades ? Buffer.concat([answer, Buffer.from(injectAfterStls ?? '')]) : answer);
    if (upgrades) this.#upgrade();
    if (line === 'QUIT') {
      if (this.#behaviour.hides) for (const message of this.#fetched) this.#server.hidden.add(message);
      this.#behaviour.afterQuit?.();
      this.#socket.end();
    }
    return 'go on';
  }

  async #write(line: string, bytes: Buffer): Promise<void> {
    const { pieces } = this.#behaviour;
    if (pieces === undefined || ('at' in pieces && pieces.at !== line)) {
      for (let at = 0; at < bytes.length; at += 65536) await this.#writePiece(bytes.subarray(at, at + 65536));
      return;
    }
    const sizes = 'size' in pieces ? [] : [...pieces.sizes];
    for (let at = 0; at < bytes.length; ) {
      const size = 'size' in pieces ? pieces.size : (sizes.shift() ?? bytes.length);
      await this.#writePiece(bytes.subarray(at, at + size));
      at += size;
      await ('size' in pieces ? new Promise(setImmediate) : delay(apartMs));
    }
  }

  async #writePiece(piece: Buffer): Promise<void> {
    if (this.#socket.destroyed) return;
    const roomLeft = this.#socket.write(piece);
    this.#server.bytesSent += piece.length;
    if (!roomLeft) await roomOrEnd(this.#socket);
  }

  #upgrade(): void {
    const plain = this.#socket.removeAllListeners('data');
    const { key, cert } = this.#behaviour.tls!;
    this.#tls = true;
    this.#socket = new TLSSocket(plain, { isServer: true, secureContext: createSecureContext({ key, cert }) });
    this.#listen();
  }

  #answer(line: string): Buffer {
    if (this.#continues !== undefined) {
      const go = this.#continues;
      this.#continues = undefined;
      return Buffer.from(go(line));
    }
    const [verb = '', ...args] = line.split(' ');
    if (verb === 'CAPA') return this.#capa();
    if (verb === 'STLS') return Buffer.from(this.#behaviour.tls ? '+OK begin\r\n' : '-ERR no\r\n');
    if (verb === 'AUTH') return Buffer.from(this.#auth(args));
    if (verb === 'USER') {
      this.#user = args.join(' ');
      return Buffer.from('+OK\r\n');
    }
    if (verb === 'PASS') return Buffer.from(this.#check('', this.#user, line.slice(5)));
    if (verb === 'NOOP' || verb === 'QUIT') return Buffer.from('+OK\r\n');
    return this.#loggedIn ? this.#transaction(verb, args) : Buffer.from('-ERR not logged in\r\n');
  }

  #transaction(verb: string, args: string[]): Buffer {
    const messages = this.#listed();
    if (verb === 'LIST')
      return lines(messages.map((message, at) => `${at + 1} ${message.octets ?? message.bytes.length}`));
    if (verb === 'UIDL') return lines(messages.flatMap((message, at) => uidlLine(message, at + 1)));
    const message = messages[Number(args[0]) - 1];
    if (message === undefined) return Buffer.from('-ERR no such message\r\n');
    if (verb === 'RETR') {
      this.#fetched.push(message);
      return multiline(message.bytes);
    }
    if (verb === 'TOP') return multiline(header(message.bytes));
    return Buffer.from('-ERR unknown command\r\n');
  }

  /** What this session lists; numbers stay what they are until it ends. */
  #listed(): ScriptedMessage[] {
    const { messages = [], hides } = this.#behaviour;
    if (!hides) return messages;
    return messages.filter((message) => !this.#server.hidden.has(message)).slice(0, hides.atMost);
  }

  #capa(): Buffer {
    const { capabilities = goodCapabilities } = this.#behaviour;
    const state = { tls: this.#tls, loggedIn: this.#loggedIn };
    const listed = typeof capabilities === 'function' ? capabilities(state) : capabilities;
    return listed === false ? Buffer.from('-ERR unknown command\r\n') : lines(listed);
  }

  #auth([mechanism, initial]: string[]): string {
    const scripted = this.#scriptedAuth(mechanism ?? '', [initial === undefined ? undefined : decode(initial)]);
    if (scripted !== undefined) return scripted;
    if (mechanism !== 'PLAIN') return '-ERR unknown mechanism\r\n';
    const decide = (response: string) => {
      const [other = '', user = '', password = ''] = Buffer.from(response, 'base64').toString().split('\0');
      return this.#check(other, user, password);
    };
    if (initial !== undefined) return decide(initial);
    this.#continues = decide;
    return '+ \r\n';
  }

  #scriptedAuth(mechanism: string, said: (string | undefined)[]): string | undefined {
    const line = this.#behaviour.sasl?.(mechanism, said);
    if (line?.startsWith('+OK')) this.#loggedIn = true;
    else if (line?.startsWith('+')) {
      this.#continues = (next) => this.#scriptedAuth(mechanism, [...said, decode(next)])!;
    }
    return line;
  }

  #check(other: string, user: string, password: string): string {
    const {
      user: wantedUser = 'user',
      password: wantedPassword = 'secret',
      anyUser,
      afterLogin = '',
    } = this.#behaviour;
    if ((user !== wantedUser && !anyUser) || password !== wantedPassword) return '-ERR [AUTH] wrong\r\n';
    this.#loggedIn = true;
    return `+OK welcome ${other}\r\n${afterLogin}`;
  }
}

function decode(response: string): string {
  return Buffer.from(response, 'base64').toString();
}

function roomOrEnd(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

/** The bytes of a multi-line answer: status, stuffed lines, terminator, and a CRLF before it where one is missing. */
export function multiline(bytes: Buffer): Buffer {
  const complete = bytes.length === 0 || bytes.subarray(-2).toString('latin1') === '\r\n';
  return Buffer.concat([Buffer.from('+OK\r\n'), stuff(bytes), Buffer.from(complete ? '.\r\n' : '\r\n.\r\n')]);
}

/** RFC 1939 §3: a dot is put before each line that begins with one. Lines end in CRLF only. */
export function stuff(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let line = 0; line >= 0 && line < bytes.length; ) {
    if (bytes[line] === 46) {
      parts.push(bytes.subarray(from, line), Buffer.from('.'));
      from = line;
    }
    const next = bytes.indexOf('\r\n.', line);
    line = next < 0 ? -1 : next + 2;
  }
  return Buffer.concat([...parts, bytes.subarray(from)]);
}

function lines(texts: (string | Buffer)[]): Buffer {
  const crlf = Buffer.from('\r\n');
  return multiline(Buffer.concat(texts.flatMap((text) => [Buffer.from(text as string), crlf])));
}

function uidlLine({ uidl }: ScriptedMessage, number: number): Buffer[] {
  if (uidl === undefined) return [];
  return [Buffer.concat([Buffer.from(`${number} `), Buffer.from(uidl as string)])];
}

function header(bytes: Buffer): Buffer {
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? bytes : bytes.subarray(0, end + 4);
}
