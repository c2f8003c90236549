/** What the tests share that need Redis: one real server a file, emptied before each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { connectRedis, type RedisClient, type RedisHandle } from '../../src/ground/redis.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

/** The Redis of a test file; its parts are there while tests run. */
export interface RedisRig {
  readonly client: RedisClient;
  readonly handle: RedisHandle;
  /** A connection of its own, as another process has it. */
  another(): Promise<RedisHandle>;
}

/** Registers the start before the tests of a file and the end after them. */
export function useRedis(): RedisRig {
  const limits = { redisStartTimeoutMs: 20_000, redisLostAfterMs: 20_000 };
  let directory: string;
  let server: RedisServer | undefined;
  let handle: RedisHandle;
  const others: RedisHandle[] = [];
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
    server = await startRedis({ directory });
    handle = await connectRedis(server.url, limits);
  });
  beforeEach(async () => {
    await handle.client.flushall();
  });
  afterAll(async () => {
    for (const other of others) await other.close();
    await handle?.close();
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    get client() {
      return handle.client;
    },
    get handle() {
      return handle;
    },
    another: async () => {
      const other = await connectRedis(server!.url, limits);
      others.push(other);
      return other;
    },
  };
}

/** The code of the MailhaulError that work ends with; throws when it ends well. */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => {
      throw new Error('it ended well');
    },
    (reason: unknown) => reason,
  );
  return (error as { code?: unknown }).code ?? error;
}
