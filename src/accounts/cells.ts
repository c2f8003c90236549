/** The values of one line of the account list, whoever supplied them, and a place to complain about them. */
import { printable } from '../ground/errors.ts';
import type { Problems } from './problems.ts';
import type { Profiles } from './profiles.ts';

/** The values of one line by column name; empty and absent mean the same. */
export interface Row {
  line: number;
  values: ReadonlyMap<string, string>;
}

/** What all lines of a list share. */
export interface ListContext {
  /** Columns that a line may leave empty, and what they are then. */
  defaults: ReadonlyMap<string, string>;
  /** Folder of the list, absolute: relative paths in it begin here. */
  folder: string;
  problems: Problems;
  /** The names under `oauth` in the settings. */
  oauthNames: readonly string[];
  /** Providers, which supply what line and defaults leave empty. */
  profiles: Profiles;
  /** What was found wrong with each tls_ca file, by path: many lines name the same. */
  authorities: Map<string, string | undefined>;
}

/** The values of a row with the defaults, and a place to complain about them. */
export class Cells {
  readonly #row: Row;
  readonly context: ListContext;
  /** What the profiles of the providers supply. */
  supplied: ReadonlyMap<string, string> = new Map();

  constructor(row: Row, context: ListContext) {
    this.#row = row;
    this.context = context;
  }

  /** The value of a column without surrounding blanks, which only a password may have. Empty if there is none. */
  of(column: string): string {
    const value = this.#row.values.get(column) || this.context.defaults.get(column) || this.supplied.get(column) || '';
    return column.endsWith('_password') ? value : value.trim();
  }

  complain(text: string): void {
    this.context.problems.add(`line ${this.#row.line}`, text);
  }

  /** `pop_port is "abc", expected 1 to 65535`, without the value if a password slipped into the column. */
  complainOf(column: string, expected: string): void {
    const value = this.of(column);
    const password = [this.of('pop_password'), this.of('imap_password')].some(
      (each) => each !== '' && value.includes(each),
    );
    this.complain(
      `${column} is ${password ? 'a password' : JSON.stringify(printable(value, 60))}, expected ${expected}`,
    );
  }
}
