/** What a protocol trace shows of IMAP: imapflow's side of a connection, and ours after the login. */
import { hidden, ProtocolTrace, type TraceOptions } from '../ground/protocol-trace.ts';
import type { Response } from './response.ts';

/** What imapflow gives its logger; what has no `src` is not of the protocol. */
export interface FlowEntry {
  readonly src?: string;
  readonly msg?: string;
  /** The length of a line that it could not read, which may be mail. */
  readonly payloadBytes?: number;
}

/** Of an endpoint (door.ts), what a trace needs: where it goes, and what must not stand there. */
export interface TracedLogin {
  readonly trace?: TraceOptions | undefined;
  readonly user: string;
  readonly password: string;
  readonly accessToken?: string | undefined;
}

/** The trace of one connection. */
export class ImapTrace {
  readonly #trace: ProtocolTrace;
  readonly #user: string;

  private constructor(trace: ProtocolTrace, user: string) {
    this.#trace = trace;
    this.#user = user;
  }

  /** One for a connection; undefined where nobody wants to read it. */
  static of({ trace, user, password, accessToken }: TracedLogin): ImapTrace | undefined {
    return trace && new ImapTrace(new ProtocolTrace(trace, 'imap', [password, accessToken]), user);
  }

  /** Something that imapflow logs. */
  flow({ src, msg = '', payloadBytes }: FlowEntry): void {
    if (payloadBytes !== undefined) this.#trace.heard(`(a line of ${payloadBytes} octets that cannot be read)`);
    else if (src === 'c') this.#trace.sent(this.#command(msg));
    else if (src === 's') this.#trace.heard(answer(msg));
  }

  /** Words of a command that went out, up to its next literal; none of ours holds a secret. */
  sent(words: Buffer): void {
    this.#trace.sent(words.toString());
  }

  /** An answer came, its literals left out. */
  heard(response: Response): void {
    this.#trace.heard(answer(lineOf(response)));
  }

  /** A command of imapflow: what is no command is a line of a login. */
  #command(text: string): string {
    if (/^\(\* \d+B continuation \*\)$/.test(text)) return text;
    const [, tag, name, rest = ''] = /^([A-Za-z0-9]+) ([A-Za-z]+)(?: (.*))?$/s.exec(text) ?? [];
    if (tag === undefined || name === undefined) return hidden;
    if (/^LOGIN$/i.test(name)) return `${tag} LOGIN ${JSON.stringify(this.#user)} ${hidden}`;
    if (!/^AUTHENTICATE$/i.test(name)) return text;
    const [mechanism = '', ...payload] = rest.split(' ');
    return [tag, 'AUTHENTICATE', mechanism, ...(payload.length > 0 ? [hidden] : [])].join(' ');
  }
}

/** Of messages there are numbers only; what asks for more of a login is hidden. */
function answer(line: string): string {
  if (line.startsWith('+')) return line.trim() === '+' ? '+' : `+ ${hidden}`;
  const fetched = /^\* \d+ FETCH\b/i.exec(line)?.[0];
  if (fetched === undefined) return line;
  const numbers = line.match(/\b(?:UID|RFC822\.SIZE) \d+/g) ?? [];
  return `${fetched} (${[...numbers.slice(0, 2), '…'].join(' ')})`;
}

function lineOf(response: Response): string {
  switch (response.kind) {
    case 'continuation':
      return `+ ${response.text}`;
    case 'data':
      return `* ${response.text}`;
    case 'unknown':
      return `(a line of ${response.text.length} octets that is no answer)`;
    case 'status': {
      const { tag, status, code, codeText, text } = response;
      const coded = code === undefined ? '' : ` [${[code, codeText].join(' ').trim()}]`;
      return `${tag} ${status}${coded} ${text}`;
    }
  }
}
