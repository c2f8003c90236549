/**
 * The audit log: who steered what, when, and what came of it. It stands in a bounded stream in Redis, which every
 * process can read, and in a file of the data directory, which outlives Redis. No secret ever gets there: it holds
 * names, scopes, counts and error codes.
 */
import { chmod, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../ground/errors.ts';
import { globalKeys } from '../ground/keys.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { AuditEntry } from './answers/deeds.ts';

const longestText = 1000;

/** Writes and reads the audit log. */
export class AuditLog {
  readonly #redis: RedisClient;
  readonly #path: string;
  readonly #settings: Pick<Settings, 'auditMaxEntries' | 'auditFileMaxBytes'>;
  readonly #log: Log;
  #last: Promise<void> = Promise.resolve();

  constructor(
    redis: RedisClient,
    dataDir: string,
    settings: Pick<Settings, 'auditMaxEntries' | 'auditFileMaxBytes'>,
    log: Log,
  ) {
    this.#redis = redis;
    this.#path = join(dataDir, 'audit.jsonl');
    this.#settings = settings;
    this.#log = log;
  }

  /** Writes an entry. Never throws: what was done is done; an entry that could not be written is in the log. */
  async add(entry: Omit<AuditEntry, 'at'>, now: number): Promise<void> {
    const line: AuditEntry = { at: new Date(now).toISOString(), ...mapValues(entry) };
    const json = JSON.stringify(line);
    this.#last = this.#last.then(() => this.#append(json)).catch((error: Error) => this.#missed(line, error));
    await this.#last;
    const { auditMaxEntries } = this.#settings;
    await this.#redis
      .xadd(globalKeys.audit, 'MAXLEN', '~', auditMaxEntries, '*', 'entry', json)
      .catch((error: Error) => this.#missed(line, error));
  }

  /** The newest entries, newest first. */
  async newest(count: number): Promise<AuditEntry[]> {
    const found = await this.#redis.xrevrange(globalKeys.audit, '+', '-', 'COUNT', count);
    return found.map(([, fields]) => JSON.parse(fields[1]!) as AuditEntry);
  }

  async #append(json: string): Promise<void> {
    const size = await stat(this.#path).then(
      (file) => file.size,
      () => 0,
    );
    if (size >= this.#settings.auditFileMaxBytes) await rename(this.#path, this.#path.replace(/jsonl$/, '1.jsonl'));
    const file = await open(this.#path, 'a', 0o600);
    try {
      await file.write(`${json}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    // A file that somebody else made with other rights gets ours.
    await chmod(this.#path, 0o600);
  }

  #missed(entry: AuditEntry, error: Error): void {
    this.#log.error({ audit: entry, reason: error.message }, 'audit entry not written');
  }
}

function mapValues(entry: Omit<AuditEntry, 'at'>): Omit<AuditEntry, 'at'> {
  const text = (value: string) => printable(value, longestText);
  const { by, action, scope, reason, result } = entry;
  return { by: text(by), action, scope: text(scope), reason: text(reason), result: text(result) };
}
