/** How a command asks the running service: over HTTP, with the token of its data directory. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { type ErrorCode, errorRow, MailhaulError, printable } from '../ground/errors.ts';
import { Interrupted } from '../ground/shutdown.ts';
import { listenAt } from '../operations/listen-address.ts';
import { readToken } from '../operations/token.ts';
import { type CommonOptions, settingsOf } from './common-options.ts';

/** Options of every client of the service. */
export interface ClientOptions extends CommonOptions {
  readonly all?: boolean;
  readonly url?: string;
}

/** Adds the options that say where the service is and how to print. */
export function withServiceOptions(command: Command): Command {
  return command
    .option('--config <file>', 'settings file of the service; its lines win over config/default.yaml')
    .option('--data-dir <dir>', 'data directory of the service: its token is there (default: the XDG state directory)')
    .option('--listen <host:port>', 'where the service answers (default: the setting listen)')
    .option('--url <url>', 'the same as a URL, for a service behind a proxy')
    .option('--json', 'print one JSON document on standard output and nothing else there');
}

/** Adds the options that say which accounts are meant. */
export function withSelection(command: Command): Command {
  return command
    .option('--account <id...>', 'these accounts')
    .option('--group <name>', 'the accounts of this group')
    .option('--all', 'all accounts');
}

/** The part of a request that says which accounts are meant. Throws `usage` unless exactly one of the options is given. */
export function selectionOf({ account, group, all }: ClientOptions, ids: readonly string[] = []): object {
  const named = [...ids, ...(account ?? [])];
  const parts = [named.length > 0, group !== undefined, all === true].filter(Boolean).length;
  if (parts !== 1) throw new MailhaulError('usage', { reason: 'name accounts, or give --group or --all: one of them' });
  if (all) return { all: true };
  return group === undefined ? { account: named } : { group };
}

/** The same for a list of accounts, where nothing given means all of them. */
export function queryOf({ account, group }: ClientOptions, ids: readonly string[] = []): URLSearchParams {
  const query = new URLSearchParams(group === undefined ? {} : { group });
  for (const id of [...ids, ...(account ?? [])]) query.append('id', id);
  return query;
}

/** A connection to the service, as far as HTTP has one. */
export class ApiClient {
  readonly #base: string;
  readonly #token: string;
  readonly #timeoutMs: number;

  private constructor(base: string, token: string, timeoutMs: number) {
    this.#base = base;
    this.#token = token;
    this.#timeoutMs = timeoutMs;
  }

  /** Finds out where the service is, and reads the token. Throws `settings-invalid`, `token-unusable` or `usage`. */
  static async open(options: ClientOptions, env: NodeJS.ProcessEnv): Promise<ApiClient> {
    const settings = settingsOf(options, env);
    const { host, port } = listenAt(settings);
    // A service that listens on all addresses is asked on this machine's own.
    const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
    const base = options.url ?? `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
    if (!/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(base)) {
      throw new MailhaulError('usage', { reason: '--url must be http://HOST[:PORT] or https://HOST[:PORT]' });
    }
    return new ApiClient(base.replace(/\/$/, ''), await readToken(settings.dataDir), settings.apiTimeoutMs);
  }

  /** True where what is sent stays on this machine or is encrypted. */
  get isPrivate(): boolean {
    return /^https:|^http:\/\/(localhost|127(\.\d+){3}|\[::1\])(:|\/|$)/.test(this.#base);
  }

  /** Asks for something. Throws `service-unreachable`, `token-refused`, or what the service answers. */
  get<T>(path: string): Promise<T> {
    return this.#ask<T>('GET', path, undefined);
  }

  /** All pages of a list of accounts, one after the other. Throws as `get` does. */
  async pages<T>(path: string, query: URLSearchParams): Promise<T[]> {
    const found: T[] = [];
    const asked = new URLSearchParams(query);
    for (;;) {
      const { accounts, next } = await this.get<{ accounts: readonly T[]; next: string | null }>(`${path}?${asked}`);
      found.push(...accounts);
      if (next === null) return found;
      asked.set('after', next);
    }
  }

  /** Has something done. Throws as `get` does. */
  post<T>(path: string, body: object): Promise<T> {
    return this.#ask<T>('POST', path, JSON.stringify(body));
  }

  async #ask<T>(method: string, path: string, body: string | undefined): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.#token}`, 'mailhaul-user': userName() };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      const request = { method, headers, signal, redirect: 'error', ...(body === undefined ? {} : { body }) } as const;
      const response = await fetch(`${this.#base}${path}`, request);
      const answer: unknown = await response.json();
      if (response.ok) return answer as T;
      throw errorOf(answer, this.#base);
    } catch (error) {
      if (error instanceof MailhaulError || error instanceof Interrupted) throw error;
      throw new MailhaulError('service-unreachable', { where: this.#base, reason: reasonOf(error as Error) });
    }
  }
}

/** What the service said, as the error that it is. A code that this version does not know is shown as it came. */
function errorOf(answer: unknown, where: string): MailhaulError {
  const { code, text } = (answer ?? {}) as { code?: ErrorCode; text?: string };
  if (code === 'token-refused') return new MailhaulError('token-refused', { where });
  if (code !== undefined && text !== undefined && errorRow(code)) return new AnsweredError(code, printable(text, 2000));
  return new MailhaulError('service-unreachable', { where, reason: `its answer is none of Mailhaul's` });
}

/** An error of the service: its text is filled in already. */
class AnsweredError extends MailhaulError {
  constructor(code: ErrorCode, text: string) {
    super(code);
    this.message = text;
  }
}

function reasonOf(error: Error): string {
  const { cause } = error as { cause?: NodeJS.ErrnoException };
  return printable(cause?.code ?? cause?.message ?? error.message);
}

/** The name for the audit log; some containers give their user none. */
function userName(): string {
  try {
    return (
      userInfo()
        .username.replace(/[^\w.@+-]/g, '_')
        .slice(0, 64) || 'nobody'
    );
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
