/**
 * Errors. Adapters (pop3, imap, spool, accounts …) classify what they meet into a code of the one table; everything
 * that reacts, retries, prints or exits reads the table.
 */
import { type ErrorEntry, errorTable, type Retry, type Stops } from './error-table.ts';

export type { Retry, Stops } from './error-table.ts';

/** Every code an error of Mailhaul can have. */
export type ErrorCode = keyof typeof errorTable;

/** What fills the `{name}` places of an error's text. Never a secret. */
export type ErrorDetails = Record<string, string | number>;

/** The table's row of a code. */
export interface ErrorRow {
  readonly code: ErrorCode;
  readonly stops: Stops;
  readonly retry: Retry;
  readonly text: string;
  readonly remedy: string;
  readonly exit: number | undefined;
}

/** All rows of the table, in its order. */
export const errorRows: readonly ErrorRow[] = (Object.entries(errorTable) as [ErrorCode, ErrorEntry][]).map(
  ([code, entry]) => ({
    code,
    stops: entry.stops,
    retry: entry.retry,
    text: entry.text,
    remedy: entry.remedy,
    exit: entry.exit,
  }),
);

const rowByCode = new Map(errorRows.map((row) => [row.code, row]));

/** The row of one code. */
export function errorRow(code: ErrorCode): ErrorRow {
  return rowByCode.get(code)!;
}

/** Whether an error says that the server refused user name or secret: it is tried no more often than `credentialTries`. */
export function isRefusedCredential(code: string): boolean {
  return rowByCode.get(code as ErrorCode)?.exit === 12;
}

/** The only error type that Mailhaul throws on purpose: a code of the table, with the details that fill its text. */
export class MailhaulError extends Error {
  override readonly name = 'MailhaulError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    super(fill(errorRow(code).text, details), cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  get stops(): Stops {
    return errorRow(this.code).stops;
  }

  get retry(): Retry {
    return errorRow(this.code).retry;
  }

  /** The table's, behind the `advice` among the details: what is known of this one server. */
  get remedy(): string {
    const { advice } = this.details;
    const { remedy } = errorRow(this.code);
    return advice === undefined ? remedy : `${printable(String(advice), 2000)} ${remedy}`;
  }
}

/** Any thrown value as a MailhaulError; what is not one yet becomes `unexpected`. */
export function asMailhaulError(thrown: unknown): MailhaulError {
  if (thrown instanceof MailhaulError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new MailhaulError('unexpected', { reason: printable(reason) }, thrown);
}

/** The error itself where nobody foresaw it, so that the log has its stack; of others the code and the text say all. */
export function unexpected(error: MailhaulError): MailhaulError | undefined {
  return error.code === 'unexpected' ? error : undefined;
}

/**
 * Text of a server or a file made safe for a terminal, a log and a report: control and format characters are
 * replaced (CVE-2021-36386 shows what long, odd answers do to logs) and the length is bounded.
 */
export function printable(text: string, maxLength = 300): string {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim();
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
}

function fill(text: string, details: ErrorDetails): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = details[name];
    return value === undefined ? place : printable(String(value), 2000);
  });
}
