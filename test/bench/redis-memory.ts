/** What Redis keeps of a run: bytes by kind of key, and the time that it spent. */
import { connectRedis, type RedisClient } from '../../src/ground/redis.ts';

/** Bytes as MEMORY USAGE counts them, by what the keys are for. */
export interface RedisMemory {
  ledgerBytes: number;
  indexBytes: number;
  queueBytes: number;
  restBytes: number;
  keys: number;
  /** All that the server had allocated, and the most that it ever had. */
  usedBytes: number;
  peakBytes: number;
  /** CPU time of the server since it was started. */
  cpuSeconds: number;
}

const timeouts = { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 };
const keysAtOnce = 500;

/** Which part of the store a key belongs to. */
export function keyGroup(key: string): 'ledger' | 'index' | 'queue' | 'rest' {
  if (key.startsWith('mh-queue:')) return 'queue';
  const name = key.replace(/^mh:\{[^}]*\}:/, '');
  if (name === 'ledger' || name.startsWith('ledger:')) return 'ledger';
  return name.startsWith('index:') ? 'index' : 'rest';
}

/** Looks at every key of a Redis that nobody writes to. */
export async function measureRedis(url: string): Promise<RedisMemory> {
  const handle = await connectRedis(url, timeouts);
  try {
    const memory = { ledgerBytes: 0, indexBytes: 0, queueBytes: 0, restBytes: 0, keys: 0 };
    for (const key of await allKeys(handle.client)) {
      // SAMPLES 0: every element of a hash or a list is counted.
      const bytes = Number((await handle.client.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')) ?? 0);
      memory[`${keyGroup(key)}Bytes`] += bytes;
      memory.keys += 1;
    }
    const info = await handle.client.info();
    const figure = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0);
    return {
      ...memory,
      usedBytes: figure('used_memory'),
      peakBytes: figure('used_memory_peak'),
      cpuSeconds: figure('used_cpu_user') + figure('used_cpu_sys'),
    };
  } finally {
    await handle.close();
  }
}

async function allKeys(client: RedisClient): Promise<Set<string>> {
  const keys = new Set<string>();
  let cursor = '0';
  do {
    const [next, found] = await client.scan(cursor, 'COUNT', keysAtOnce);
    for (const key of found) keys.add(key);
    cursor = next;
  } while (cursor !== '0');
  return keys;
}
