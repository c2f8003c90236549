/** What a protocol trace shows of POP3: commands without their secrets, status lines, and the sizes of what follows. */
import { hidden, ProtocolTrace } from '../ground/protocol-trace.ts';
import type { Answer, StatusKind } from './answers.ts';
import { BodyAnswer } from './answers.ts';
import type { PopEndpoint } from './endpoint.ts';
import type { Redaction } from './redaction.ts';

/** The trace of one connection. */
export class PopTrace {
  readonly #trace: ProtocolTrace;
  #octets = 0;

  private constructor(trace: ProtocolTrace) {
    this.#trace = trace;
  }

  /** One for a connection; undefined where nobody wants to read it. What is concealed in `redaction` is here, too. */
  static of({ trace, password, accessToken }: PopEndpoint, redaction: Redaction): PopTrace | undefined {
    if (!trace) return undefined;
    const written = new ProtocolTrace(trace, 'pop3', [password, accessToken]);
    redaction.onConceal = (secrets) => written.conceal(...secrets);
    return new PopTrace(written);
  }

  /** A command, or a line of a login, went out. */
  sent(command: string): void {
    this.#trace.sent(shown(command));
  }

  /** A line came that should be the status of an answer. */
  status(kind: StatusKind | undefined, line: Buffer): void {
    this.#octets = 0;
    // Where the end of a message was misread, it is a line of the message.
    if (kind === undefined) this.#trace.heard(`(a line of ${line.length} octets that is no answer)`);
    else if (kind === 'continue') this.#trace.heard(line.length > 2 ? `+ ${hidden}` : '+');
    else this.#trace.heard(line.toString());
  }

  /** So many octets of an answer's body came. */
  body(octets: number): void {
    this.#octets += octets;
  }

  /** The body is complete. That of CAPA is shown: everything else depends on it. */
  end(answer: Answer | undefined): void {
    const isCapa = answer instanceof BodyAnswer && answer.during === 'CAPA';
    const text = isCapa ? `${answer.body.toString().trim().replaceAll('\r\n', ', ')} ` : '';
    this.#trace.heard(`${text}(${this.#octets} octets)`);
  }
}

const harmless = /^(?:USER .*|CAPA|STLS|STAT|NOOP|QUIT|RSET|(?:UIDL|LIST|RETR)(?: \d+)?|TOP \d+ \d+)$/;

/** Whatever is not known to hold no secret is taken for one: the lines of a login have no names. */
function shown(command: string): string {
  if (harmless.test(command)) return command;
  if (command.startsWith('PASS ')) return `PASS ${hidden}`;
  if (command.startsWith('APOP ')) return command.replace(/ [^ ]*$/, ` ${hidden}`);
  const auth = /^AUTH [\w-]+/.exec(command)?.[0];
  if (auth === undefined) return hidden;
  return auth === command ? command : `${auth} ${hidden}`;
}
