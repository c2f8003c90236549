/** An append session in this process: real Redis, a spool with one batch or more, and a scripted destination. */
import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { ExtraConnections } from '../../src/append/extra-connections.ts';
import type { KeptConnections } from '../../src/append/kept.ts';
import { appendSession } from '../../src/append/session.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { silentLog } from '../../src/ground/log.ts';
import type { Settings } from '../../src/ground/settings.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { type Problem, readProblems } from '../../src/ledger/problems.ts';
import { uidlKey } from '../../src/ledger/record.ts';
import { type Run, readRun, startRun, updateRun } from '../../src/ledger/run.ts';
import { Bell } from '../../src/limits/bell.ts';
import { fingerprint } from '../../src/message/fingerprint.ts';
import { headerEnd, headerFields } from '../../src/message/header.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import type { Spool } from '../../src/spool/spool.ts';
import type { RedisRig } from '../ledger/redis-rig.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { alice, newSpool, newWriter } from '../spool/spool-rig.ts';

export const account = alice;

/** How a session ended, and what stands in Redis then. */
export interface SessionEnd {
  /** Its end, `wait` where it comes back later, or the code of what it threw. */
  readonly end: string;
  readonly run: Run;
  readonly problems: Problem[];
  /** Refused messages by their unique ids. */
  readonly refusals: Map<string, { code: string; text: string; tries?: number; reply?: string }>;
}

/** One account that is given batches and sessions. */
export class SessionRig {
  readonly imap: ScriptedImap;
  /** Where the destination is reached, and how. */
  port: number;
  user = 'ann';
  password = 'pw';
  /** Where sessions find and leave connections, if anywhere. */
  kept: KeptConnections | undefined;
  /** Where they ask for a second one, if anywhere. */
  extra: ExtraConnections | undefined;
  /** Ends sessions and what is kept of them. */
  signal = new AbortController().signal;
  readonly #redis: RedisRig;
  readonly #spool: Spool;
  readonly #settings: Settings;

  static async make(redis: RedisRig, behaviour: ImapBehaviour, settings: Partial<Settings> = {}): Promise<SessionRig> {
    const imap = await ScriptedImap.start(behaviour);
    onTestFinished(() => imap.stop());
    const rig = new SessionRig(redis, imap, await newSpool(), settings);
    await startRun(redis.client, account, 'r1', 1000, false);
    return rig;
  }

  /** The same destination for a Redis and a spool that know nothing of it. */
  static async again(redis: RedisRig, { imap }: SessionRig, settings: Partial<Settings> = {}): Promise<SessionRig> {
    await startRun(redis.client, account, 'r1', 1000, false);
    return new SessionRig(redis, imap, await newSpool(), settings);
  }

  private constructor(redis: RedisRig, imap: ScriptedImap, spool: Spool, settings: Partial<Settings>) {
    this.imap = imap;
    this.port = imap.port;
    this.#redis = redis;
    this.#spool = spool;
    const defaults = loadSettings({ env: {}, options: {} });
    this.#settings = { ...defaults, refusalWaitsMs: [0, 0], inDoubtWaitsMs: [0], appendIdleMs: 50, ...settings };
  }

  /** Puts messages into the spool, by their unique ids. */
  async spool(messages: Readonly<Record<string, Buffer>>): Promise<void> {
    const writer = newWriter(this.#spool);
    for (const [uidl, bytes] of Object.entries(messages)) {
      await writer.write(bytes);
      const headerBytes = Math.max(0, headerEnd(bytes));
      const mark = fingerprint(headerFields(headerBytes > 0 ? bytes.subarray(0, headerBytes) : bytes));
      const key = uidlKey(Buffer.from(uidl)).toString('hex');
      const facts = { key, uidl, headerBytes, fingerprint: mark.bytes.toString('hex'), hasMessageId: true };
      writer.keep(writer.endMessage(), facts);
    }
    await registerBatch(this.#redis.client, this.#spool.id, await writer.finish());
  }

  /** Runs a session for everything that is spooled. */
  async session(mailbox = 'INBOX'): Promise<SessionEnd> {
    const { client } = this.#redis;
    await updateRun(client, account, 'r1', { download: 'done' });
    const bell = await Bell.open(client, (await this.#redis.another()).client);
    const endpoint = { host: '127.0.0.1', port: this.port, security: 'none', auth: 'auto' } as const;
    const { user, password, kept, extra, signal } = this;
    const task = {
      account,
      id: 'alice',
      runId: 'r1',
      mailbox,
      source: 'pop.example',
      group: 'default',
      addresses: new Set<string>(),
      rewrites: false,
    };
    const context = { redis: client, settings: this.#settings, spool: this.#spool, bell, log: silentLog(), signal };
    const end = await appendSession(
      { ...task, endpoint: { ...endpoint, user, password } },
      { ...context, kept, extra },
    ).catch((error: unknown) => {
      if (error instanceof MailhaulError) return error.code;
      throw error;
    });
    const [run, problems, refused] = await Promise.all([
      readRun(client, account),
      readProblems(client, account),
      client.hvals(accountKeys.refusals(account)),
    ]);
    const refusals = refused.map((json) => JSON.parse(json) as { uidl: string; code: string; text: string });
    return {
      end: typeof end === 'string' ? end : 'wait',
      run: run!,
      problems,
      refusals: new Map(refusals.map((one) => [one.uidl, one])),
    };
  }

  /** How many APPEND commands came over each connection that sent any. */
  get appends(): number[] {
    return this.imap.connections.map(({ appends }) => appends.length).filter((count) => count > 0);
  }
}

/** A message that is like no other. */
export function mail(name: string, body = `this is ${name}`): Buffer {
  return Buffer.from(`Message-ID: <${name}@x>\r\nSubject: ${name}\r\n\r\n${body}\r\n`, 'latin1');
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
