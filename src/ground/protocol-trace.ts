/**
 * The trace of a protocol: the commands and answers of one connection as lines of the log. What is known to be secret
 * never gets here; what a server repeats of it is struck out here. Mail is told by its size.
 */
import { printable } from './errors.ts';
import type { Log } from './log.ts';
import { anyOf, secretForms } from './secret-forms.ts';

/** What a trace needs of a log. */
export interface TraceLog {
  /** A log whose lines say of which connection they are. */
  child(bindings: { readonly protocol: 'pop3' | 'imap'; readonly connection: number }): {
    trace(fields: object, text: string): void;
  };
}

/** Where the trace of a login's connections goes, and how long its lines may be. */
export interface TraceOptions {
  readonly log: TraceLog;
  readonly maxLength: number;
}

/** The trace of an account's side, where the settings want one and there is a log for it. */
export function traceOf(
  log: Log | undefined,
  whom: { readonly account: string; readonly side: 'source' | 'destination'; readonly host: string },
  settings: { readonly protocolTrace: 'off' | 'commands'; readonly protocolTraceMaxLength: number },
): TraceOptions | undefined {
  if (!log || settings.protocolTrace === 'off') return undefined;
  const { account, ...where } = whom;
  // Whoever asked for the trace gets it, whatever level the rest of the log has.
  const own = log.child('account' in log.bindings() ? where : whom, { level: 'trace' });
  return { log: own, maxLength: settings.protocolTraceMaxLength };
}

/** What stands where something was that nobody may read. */
export const hidden = '***';

let connections = 0;

/** The number of a connection that is traced: none else of this process has it. */
export function nextConnection(): number {
  connections += 1;
  return connections;
}

/** The trace of one connection. */
export class ProtocolTrace {
  readonly #log: ReturnType<TraceLog['child']>;
  readonly #maxLength: number;
  readonly #forms = new Set<string>();
  #secrets: RegExp | undefined;

  /** `secrets` are what the login may send. */
  constructor({ log, maxLength }: TraceOptions, protocol: 'pop3' | 'imap', secrets: readonly (string | undefined)[]) {
    this.#log = log.child({ protocol, connection: nextConnection() });
    this.#maxLength = maxLength;
    this.conceal(...secrets.map((secret) => secret ?? ''));
  }

  /** Adds what is never shown, in whatever form a server repeats it. */
  conceal(...secrets: readonly string[]): void {
    for (const secret of secrets) for (const form of secretForms(secret)) this.#forms.add(form);
    this.#secrets = anyOf(this.#forms);
  }

  /** A command went to the server. Whoever calls has taken out what is secret by its place. */
  sent(line: string): void {
    this.#write('sent', line);
  }

  /** An answer came. */
  heard(line: string): void {
    this.#write('heard', line);
  }

  #write(direction: 'sent' | 'heard', line: string): void {
    // Before it is cut, so that no part of a secret is left; and again, should the cleaning have put one together.
    const text = this.#struck(printable(this.#struck(line), Number.MAX_SAFE_INTEGER));
    const rest = text.length - this.#maxLength;
    const shown = rest > 0 ? `${text.slice(0, this.#maxLength)}… (${rest} more)` : text;
    this.#log.trace({ direction, line: shown }, 'protocol');
  }

  #struck(text: string): string {
    return this.#secrets ? text.replace(this.#secrets, hidden) : text;
  }
}
