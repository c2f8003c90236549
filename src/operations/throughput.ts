/** What was appended in each step of time: a bounded stream in Redis that outlives the process and has each step once. */
import type { Clock } from '../ground/clock.ts';
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { Throughput } from './answers/overview.ts';
import type { Moved } from './board-memory.ts';

/** What the sampler works with. */
export interface SamplerParts {
  readonly redis: RedisClient;
  readonly settings: Pick<Settings, 'throughputStepMs' | 'throughputSteps'>;
  readonly clock: Clock;
  /** Looks what has changed; then `moved` and `carried` are those of now. */
  readonly look: () => Promise<{ readonly moved: Moved; readonly carried: Moved }>;
  /** What goes wrong in one step is made good in the next. */
  readonly failed: (error: unknown) => void;
}

interface Stored {
  readonly at: number;
  readonly moved: Moved;
  readonly carried: Moved;
}

/** Notes each step when it is over. */
export class ThroughputSampler {
  readonly #parts: SamplerParts;
  readonly #closed = new AbortController();
  #working: Promise<void> = Promise.resolve();
  /** What had been moved when the step began that is under way. */
  #from: Moved = { messages: 0, bytes: 0 };

  constructor(parts: SamplerParts) {
    this.#parts = parts;
  }

  /** Begins with the step that is under way. */
  begin(): void {
    this.#working = this.#work();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#working;
  }

  async #work(): Promise<void> {
    const { clock, settings, failed } = this.#parts;
    const stepMs = settings.throughputStepMs;
    const { signal } = this.#closed;
    await this.#takeUp().catch(failed);
    while (!signal.aborted) {
      const step = Math.floor(clock.now() / stepMs) * stepMs;
      await clock.wait(step + stepMs - clock.now(), signal).catch(() => {});
      // A timer may be early, by its own clock, and late after the machine slept: each step is noted once.
      if (!signal.aborted && clock.now() >= step + stepMs) await this.#note(step).catch(failed);
    }
  }

  /** A process that was restarted counts from where the one before it stopped, unless that is long ago. */
  async #takeUp(): Promise<void> {
    const { redis, clock, settings, look } = this.#parts;
    const { moved, carried } = await look();
    this.#from = moved;
    const last = (await redis.xrevrange(globalKeys.throughput, '+', '-', 'COUNT', 1)).map(stored)[0];
    if (!last || last.at < clock.now() - 3 * settings.throughputStepMs) return;
    const since = (name: keyof Moved) => Math.max(0, carried[name] - last.carried[name]);
    this.#from = { messages: moved.messages - since('messages'), bytes: moved.bytes - since('bytes') };
  }

  async #note(step: number): Promise<void> {
    const { redis, settings, look } = this.#parts;
    const { moved, carried } = await look();
    const [messages, bytes] = [moved.messages - this.#from.messages, moved.bytes - this.#from.bytes];
    const fields = ['m', messages, 'b', bytes, 'M', carried.messages, 'B', carried.bytes];
    const trim = ['MAXLEN', settings.throughputSteps] as const;
    await redis.xadd(globalKeys.throughput, ...trim, `${step}-0`, ...fields).catch((error: Error) => {
      // Another dashboard was first: what it saw is what this one saw.
      if (!/equal or smaller/.test(error.message)) throw error;
    });
    this.#from = moved;
  }
}

/** The steps that began at `since` or later, in milliseconds since 1970, the earliest first. Throws what Redis throws. */
export async function readThroughput(
  redis: RedisClient,
  settings: Pick<Settings, 'throughputStepMs'>,
  since = 0,
): Promise<Throughput> {
  const entries = await redis.xrange(globalKeys.throughput, since, '+');
  const samples = entries.map(stored).map(({ at, moved }) => ({ at: new Date(at).toISOString(), ...moved }));
  return { stepMs: settings.throughputStepMs, samples };
}

function stored([id, flat]: [id: string, fields: string[]]): Stored {
  const number = (name: string) => Number(flat[flat.indexOf(name) + 1]);
  return {
    at: Number(id.split('-')[0]),
    moved: { messages: number('m'), bytes: number('b') },
    carried: { messages: number('M'), bytes: number('B') },
  };
}
