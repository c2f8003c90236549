/** A server, or whoever sits in front of it, that does to STARTTLS what it is told; it keeps every byte it got in the clear. */
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import { LoopbackServer } from './loopback.ts';

/** What is done. Left out: what an honest server does. */
export interface Attack {
  /** Instead of the greeting. */
  greeting?: string;
  /** Listed before TLS, and in it; false refuses to list any. */
  before?: readonly string[] | false;
  inside?: readonly string[] | false;
  /** The whole answer to STLS or STARTTLS, `TAG` for its tag; '' is silence. TLS follows a positive one, if it can. */
  answer?: string;
  /** Plain text right behind that answer, and in a packet of its own. */
  tail?: string;
  late?: string;
  /** Goes on in plain text after its positive answer. */
  pretends?: boolean;
}

/** How the two protocols say the same things. */
const words = {
  pop: {
    greeting: '+OK hello\r\n',
    before: ['USER', 'STLS', 'SASL PLAIN LOGIN'],
    yes: '+OK begin\r\n',
    list: (names: readonly string[] | false) =>
      names === false ? '-ERR unknown\r\n' : `+OK\r\n${names.map((name) => `${name}\r\n`).join('')}.\r\n`,
    verb: (line: string) => line.split(' ')[0]!.toUpperCase(),
    done: () => '+OK\r\n',
  },
  imap: {
    greeting: '* OK hello\r\n',
    before: ['IMAP4rev1', 'STARTTLS', 'AUTH=PLAIN', 'AUTH=LOGIN', 'SASL-IR', 'ID'],
    yes: 'TAG OK begin\r\n',
    list: (names: readonly string[] | false) =>
      names === false ? 'TAG BAD unknown\r\n' : `* CAPABILITY ${names.join(' ')}\r\nTAG OK done\r\n`,
    verb: (line: string) => (line.split(' ')[1] ?? '').toUpperCase(),
    done: () => 'TAG OK done\r\n',
  },
} as const;

/** A running one. */
export class AttackingServer extends LoopbackServer {
  /** What clients sent, of all connections: before TLS, and in it. */
  clear = '';
  inside = '';
  readonly #side: keyof typeof words;
  readonly #attack: Attack;
  readonly #tls: { key: string; cert: string };

  private constructor(side: keyof typeof words, attack: Attack, tls: { key: string; cert: string }) {
    super();
    this.#side = side;
    this.#attack = attack;
    this.#tls = tls;
  }

  static start(side: keyof typeof words, attack: Attack, tls: { key: string; cert: string }): Promise<AttackingServer> {
    return new AttackingServer(side, attack, tls).listen();
  }

  protected serve(socket: Socket): void {
    socket.write(this.#attack.greeting ?? words[this.#side].greeting);
    this.#talk(socket, false);
  }

  #talk(socket: Socket, secure: boolean): void {
    let input = '';
    let asked: string | undefined;
    const onData = (chunk: Buffer): void => {
      const text = chunk.toString('latin1');
      if (secure) this.inside += text;
      else this.clear += text;
      const lines = (input + text).split('\r\n');
      input = lines.pop()!;
      for (const line of lines) {
        if (/^ST(?:LS|ARTTLS)$/.test(words[this.#side].verb(line)) && !secure)
          void this.#startTls(socket, line, onData);
        else if (asked !== undefined) {
          socket.write(tagged('TAG OK done\r\n', asked));
          asked = undefined;
        } else if (/^\S+ AUTHENTICATE \S+$/i.test(line)) {
          asked = line;
          socket.write('+ \r\n');
        } else socket.write(this.#answer(line, secure));
      }
    };
    socket.on('error', () => {}).on('data', onData);
  }

  #answer(line: string, secure: boolean): string {
    const { list, verb, done, before } = words[this.#side];
    const { before: listed = before, inside = listed } = this.#attack;
    const isList = /^CAPA/.test(verb(line));
    return tagged(isList ? list(secure ? inside : listed) : done(), line);
  }

  async #startTls(socket: Socket, line: string, onData: (chunk: Buffer) => void): Promise<void> {
    const { answer = words[this.#side].yes, tail = '', late = '', pretends } = this.#attack;
    const positive = /^(?:\+OK|TAG OK)/i.test(answer) && !pretends;
    if (positive) socket.off('data', onData).pause();
    socket.write(tagged(answer, line) + tail, 'latin1');
    if (late !== '') {
      // Long enough for the client to have read what came before.
      await delay(15);
      if (!socket.destroyed) socket.write(late, 'latin1');
    }
    if (!positive || socket.destroyed) return;
    const secureContext = createSecureContext(this.#tls);
    this.#talk(new TLSSocket(socket, { isServer: true, secureContext }), true);
  }
}

function tagged(text: string, line: string): string {
  return text.replaceAll('TAG', line.split(' ')[0]!);
}
