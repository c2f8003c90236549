/** What the tests of run control share: one on a real Redis, with a clock that stands, and the jobs that it queued. */
import { beforeEach, onTestFinished } from 'vitest';
import { silentLog } from '../../src/ground/log.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { readRun } from '../../src/ledger/run.ts';
import { Bell } from '../../src/limits/bell.ts';
import type { Wait } from '../../src/limits/waits.ts';
import { Queues, type SessionJob } from '../../src/schedule/queues.ts';
import { RunControl } from '../../src/schedule/run-control.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { alice as account, makeBatch, newSpool } from '../spool/spool-rig.ts';

export const waits = [1000, 5000];

interface Queued extends SessionJob {
  kind: string;
  number: number;
  delay: number;
}

/** A job of the run `r1`. */
export const job = (other: Partial<SessionJob> = {}): SessionJob => ({
  account,
  run: 'r1',
  tries: 0,
  mark: 0,
  spool: '',
  ...other,
});

/** Run control of a test, and what it did. */
export class RunControlRig {
  readonly redis = useRedis();
  control!: RunControl;
  now = 0;
  rung: string[] = [];
  isPaused = false;
  /** The waits that run control told of. */
  told: Wait[] = [];

  constructor() {
    beforeEach(() => this.#open());
  }

  async #open(): Promise<void> {
    const handle = await this.redis.another();
    const bell = await Bell.open(handle.client, handle.duplicate());
    const queues = new Queues(handle, silentLog(), 30_000);
    const loaded = loadSettings({ env: {}, options: { dataDir: 'nowhere' } });
    const settings = { ...loaded, retryWaitsMs: waits, spoolLostAfterMs: 60_000 };
    const clock = { now: () => this.now, wait: () => Promise.resolve() };
    this.now = 1_000_000;
    this.rung = [];
    this.isPaused = false;
    this.told = [];
    bell.listen((one) => this.rung.push(one));
    const isPaused = () => this.isPaused;
    const onWait = async (_account: string, wait: Wait) => void this.told.push(wait);
    const parts = { redis: handle.client, settings, queues, bell, log: silentLog(), clock };
    this.control = new RunControl({ ...parts, isPaused, onWait });
    onTestFinished(async () => {
      await queues.close();
      await bell.close();
      await handle.close();
    });
  }

  /** The jobs that stand in Redis, the newest last. */
  readonly jobs = async (): Promise<Queued[]> => {
    const { client } = this.redis;
    const found: Queued[] = [];
    for (const key of await client.keys(`mh-queue:*:*.${account}.*`)) {
      const { data = '{}', delay = '0' } = await client.hgetall(key);
      const [, kind = '', number = ''] = /\.(\w+)\.(\d+)$/.exec(key) ?? [];
      found.push({ ...JSON.parse(data), kind, number: Number(number), delay: Number(delay) });
    }
    return found.sort((a, b) => a.number - b.number || (a.run < b.run ? -1 : 1));
  };

  /** Takes all jobs away, as their workers do or a crash. */
  readonly loseJobs = async (): Promise<void> => {
    const { client } = this.redis;
    for (const key of await client.keys('mh-queue:*')) await client.del(key);
  };

  readonly run = async () => (await readRun(this.redis.client, account))!;
  readonly lastJob = async () => (await this.jobs()).at(-1);

  /** A batch of one message that waits in a spool; its name. */
  readonly batchIn = async (spool: string, uidl = 'a'): Promise<string> => {
    const manifest = await makeBatch(await newSpool(), [uidl]);
    await registerBatch(this.redis.client, spool, manifest);
    return manifest.batch;
  };
}
