/** Lua scripts on Redis: sent once, then called by their digest. */
import { createHash } from 'node:crypto';
import { fencedScripts, type RedisClient } from './redis.ts';

/** One script. All keys of a call must share one hash tag. */
export class Script {
  readonly #lua: string;
  readonly #sha: string;

  /** `fenced`: it writes only for the holder of a lease, and never to a server that took over since it was called. */
  constructor(lua: string, fenced = false) {
    this.#lua = lua;
    this.#sha = createHash('sha1').update(lua).digest('hex');
    if (fenced) fencedScripts.add(this.#lua).add(this.#sha);
  }

  /** Runs the script; a Redis that does not know it yet (it was restarted or flushed) gets it again. */
  async run(
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args] as const;
    return unlessUnknown(client.evalsha(this.#sha, ...rest), () => client.eval(this.#lua, ...rest));
  }

  /** The same; strings of the reply are bytes. */
  async runBuffer(
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args] as const;
    const call = (command: string, script: string) => client.callBuffer(command, script, ...rest);
    return unlessUnknown(call('EVALSHA', this.#sha), () => call('EVAL', this.#lua));
  }

  /**
   * Runs the script for many calls in one round trip: each has its keys, and all have the same arguments. Throws what
   * the first of them throws.
   */
  async runEach(
    client: RedisClient,
    calls: readonly (readonly string[])[],
    args: readonly (string | number)[],
  ): Promise<unknown[]> {
    return unlessUnknown(this.#pipeline(client, calls, args), async () => {
      await client.script('LOAD', this.#lua);
      return this.#pipeline(client, calls, args);
    });
  }

  async #pipeline(client: RedisClient, calls: readonly (readonly string[])[], args: readonly (string | number)[]) {
    const pipeline = client.pipeline();
    for (const keys of calls) pipeline.evalsha(this.#sha, keys.length, ...keys, ...args);
    return ((await pipeline.exec()) ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
  }
}

/** What was called, or what is called in its place where Redis did not know the script. */
async function unlessUnknown<T>(called: Promise<T>, again: () => Promise<T>): Promise<T> {
  try {
    return await called;
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return again();
  }
}
