/** A Redis that was started by hand, with what Mailhaul's own Redis had written. */
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { connectRedis } from '../../src/ground/redis.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { atExit } from './at-exit.ts';

const timeouts = { redisStartTimeoutMs: 60_000, redisLostAfterMs: 60_000 };
/** Where Redis keeps its append-only file when nothing else is configured. */
const appendOnlyFolder = 'appendonlydir';

/** Runs until `stop`, or until the benchmark ends. */
export class RedisByHand {
  readonly #server: RedisServer;
  readonly #forget: () => void;

  private constructor(server: RedisServer) {
    this.#server = server;
    this.#forget = atExit(() => void process.kill(server.pid, 'SIGKILL'));
  }

  /** Copies the files of the Redis of a data directory, which must not run, into a new directory, and starts there. */
  static async copyOf(dataDir: string, directory: string): Promise<RedisByHand> {
    await mkdir(directory);
    await cp(join(dataDir, 'redis', appendOnlyFolder), join(directory, appendOnlyFolder), { recursive: true });
    return new RedisByHand(await startRedis({ directory }));
  }

  /** For `--redis`. */
  get url(): string {
    return this.#server.url;
  }

  /** FLUSHALL: nothing is left of what Mailhaul knew. */
  async empty(): Promise<void> {
    const { client, close } = await connectRedis(this.url, timeouts);
    await client.flushall();
    await close();
  }

  async stop(): Promise<void> {
    this.#forget();
    await this.#server.kill();
  }
}
