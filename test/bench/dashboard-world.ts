/** What a dashboard is measured with: a service of that role alone, very many accounts in Redis, and a haul that goes on. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accountKey } from '../../src/accounts/account.ts';
import { accountKeys, globalKeys } from '../../src/ground/keys.ts';
import { connectRedis, type RedisClient } from '../../src/ground/redis.ts';
import { startRedis } from '../servers/redis.ts';
import { atExit } from './at-exit.ts';
import { ScaleService } from './scale-service.ts';

/** Accounts that are written at once. */
const writtenAtOnce = 500;
const hosts = 20;
const groups = 40;

/** The parts, until `close`. */
export interface DashboardWorld {
  readonly accounts: number;
  readonly service: ScaleService;
  /** Where the dashboard answers, and the token that it wants. */
  readonly url: string;
  readonly token: string;
  readonly client: RedisClient;
  /** Goes on with so many of the open runs, as sessions that settle mail do; a quarter of them ring, as batches that come do. */
  progress(runs: number): Promise<void>;
  /** Has so many accounts ring whose runs have ended. */
  ring(count: number): Promise<void>;
  /** Ends the service in order; what was wrong with it. */
  close(): Promise<string[]>;
}

/** Opens it: `open` of the accounts have a run under way, the others had one. */
export async function openWorld(
  program: string,
  directory: string,
  { accounts, open }: { readonly accounts: number; readonly open: number },
): Promise<DashboardWorld> {
  const redis = await startRedis({ directory });
  const forget = atExit(() => process.kill(redis.pid, 'SIGKILL'));
  const handle = await connectRedis(redis.url, { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 });
  const { client } = handle;
  const list = join(directory, 'accounts.csv');
  await writeFile(list, listText(accounts), { mode: 0o600 });
  await seed(client, accounts, open);
  const service = ScaleService.start(program, { list, redis: redis.url, directory, more: ['--roles', 'dashboard'] });
  return {
    accounts,
    service,
    ...(await service.address()),
    client,
    progress: async (runs) => {
      const pipeline = client.pipeline();
      for (let turn = 0; turn < Math.min(runs, open); turn += 1) {
        // The same ones for as long as sessions last; the others wait for their turn.
        const key = keyOf(turn);
        pipeline.hincrby(accountKeys.run(key), 'appended', 7);
        pipeline.hincrby(accountKeys.run(key), 'bytesAppended', 60_000);
        if (turn % 4 === 0) pipeline.publish(globalKeys.bell, key);
      }
      await pipeline.exec();
    },
    ring: async (count) => {
      const pipeline = client.pipeline();
      for (let turn = 0; turn < count; turn += 1)
        pipeline.publish(globalKeys.bell, keyOf(open + (turn % (accounts - open))));
      await pipeline.exec();
    },
    close: async () => {
      await service.stop();
      await handle.close();
      await redis.stop();
      forget();
      return service.faults();
    },
  };
}

/** The id of an account. */
export function idOf(number: number): string {
  return `user${String(number).padStart(6, '0')}@example.com`;
}

function sidesOf(number: number) {
  const user = idOf(number);
  return [
    { host: `pop${number % hosts}.example.com`, user },
    { host: `imap${number % 3}.example.com`, user },
  ] as const;
}

function keyOf(number: number): string {
  return accountKey(...sidesOf(number));
}

function listText(accounts: number): string {
  const sides = ['pop', 'imap'].map((side) => `${side}_host,${side}_user,${side}_password`);
  const lines = Array.from({ length: accounts }, (_, number) => {
    const fields = sidesOf(number).map(({ host, user }) => `${host},${user},secret`);
    return `${idOf(number)},wave-${number % groups},${fields.join(',')}`;
  });
  return `${[`id,group,${sides.join(',')}`, ...lines].join('\n')}\n`;
}

/** Runs in every state, with the fields that runs have. */
async function seed(client: RedisClient, accounts: number, open: number): Promise<void> {
  for (let at = 0; at < accounts; at += writtenAtOnce) {
    const pipeline = client.pipeline();
    for (let number = at; number < Math.min(accounts, at + writtenAtOnce); number += 1) {
      const key = keyOf(number);
      pipeline.hset(accountKeys.run(key), runFields(number, number < open));
      pipeline.hset(accountKeys.ledger(key), {
        'total:appended': 1000,
        'total:bytesAppended': 1e8,
        records: 1000,
        runs: 3,
      });
      if (number >= open && number % 50 === 0) pipeline.hset(accountKeys.problems(key), 'credentials-refused', refused);
    }
    await pipeline.exec();
  }
}

const refused = JSON.stringify({
  count: 1,
  text: 'pop.example.com refuses the user name or password of user: -ERR no',
});

function runFields(number: number, isOpen: boolean): Record<string, string | number> {
  const state = isOpen ? 'running' : number % 50 === 0 ? 'failed' : number % 50 === 1 ? 'incomplete' : 'complete';
  const times = { startedAt: 1.7e12 + number * 1000, ...(isOpen ? {} : { finishedAt: 1.7e12 + number * 1003 }) };
  const counts = { listed: 1e6 + (number % 977), known: 3, appended: 900 + (number % 91), duplicate: 2, refused: 0 };
  const bytes = { bytesListed: 5e7 + number, downloaded: 5e7, bytesAppended: 4e7 };
  const jobs = { jobs: 3, downloadJob: 1, 'appendJob:0123456789abcdef': 2, taker: 'c0ffee'.repeat(5) };
  const flags = {
    recheck: 0,
    waitMaxMs: 0,
    destinationOpened: 1,
    probed: 1,
    destinationMessages: 20,
    download: 'active',
  };
  return { id: `20261122-1014-${number}`, number: 4, state, ...times, ...counts, ...bytes, ...jobs, ...flags };
}
