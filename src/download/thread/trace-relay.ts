/** The protocol trace of a connection that lives in another thread than the log. */
import type { TraceLog } from '../../ground/protocol-trace.ts';

/** One line of a trace: the connection's number in its thread, and what was logged. */
export interface TraceLine {
  readonly connection: number;
  readonly fields: object;
  readonly text: string;
}

/** Stands for the log where the connection is. */
export class TraceRelay implements TraceLog {
  readonly #tell: (line: TraceLine) => void;

  constructor(tell: (line: TraceLine) => void) {
    this.#tell = tell;
  }

  child({ connection }: { connection: number }) {
    return { trace: (fields: object, text: string) => this.#tell({ connection, fields, text }) };
  }
}

/** Writes the lines where the log is. */
export class TraceWriter {
  readonly #log: TraceLog;
  readonly #number: () => number;
  readonly #children = new Map<number, ReturnType<TraceLog['child']>>();

  /** `number` gives each connection a number that none else of this process has. */
  constructor(log: TraceLog, number: () => number) {
    this.#log = log;
    this.#number = number;
  }

  write({ connection, fields, text }: TraceLine): void {
    let child = this.#children.get(connection);
    if (!child) {
      child = this.#log.child({ protocol: 'pop3', connection: this.#number() });
      this.#children.set(connection, child);
    }
    child.trace(fields, text);
  }
}
