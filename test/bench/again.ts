/** Re-runs: of a mailbox that has not changed, of one with a few new messages, and after Redis was emptied. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { deliver } from '../../src/demo/maildir.ts';
import { type MessageCounts, noMessages } from '../../src/report/report.ts';
import { RedisByHand } from './again-redis.ts';
import { type BenchPlan, flush } from './bench-run.ts';
import { fillMaildrop, type MaildropPlan, messagesOf, spoilMaildrop } from './corpora.ts';
import { peaksOf } from './measured-process.ts';
import { type Ran, runMailhaul, runUidl, type Task } from './rows.ts';
import {
  type Bytes,
  compareContents,
  contents,
  destinationContents,
  mailboxCount,
  maildropCount,
} from './verify-copy.ts';

/** One run of one program. */
export interface AgainRun {
  wallSeconds: number;
  userSeconds: number;
  systemSeconds: number;
  /** Mailhaul's own process, or the bare program, in MB; Redis apart. */
  peakRssMB: number;
  redisPeakRssMB: number;
  /** What Mailhaul's report says; undefined of the bare program. */
  messages?: MessageCounts;
}

/** The unchanged mailbox over one line: runs that took turns. */
export interface UnchangedRuns {
  /** Each way. */
  oneWayMs: number;
  bare: AgainRun[];
  /** Default settings: Mailhaul starts and ends a Redis of its own. */
  mailhaul: AgainRun[];
  /** On a Redis that was started by hand, and whose start is not measured. */
  byHand: AgainRun[];
}

/** All that was measured of re-runs. */
export interface AgainFigures {
  messages: number;
  bytes: number;
  /** Messages delivered between two runs. */
  added: number;
  first: AgainRun;
  unchanged: UnchangedRuns[];
  /** After the new messages were delivered. */
  more: AgainRun;
  /** After FLUSHALL: everything is looked up at the destination. */
  flushed: AgainRun;
  /** The destination at the very end, byte for byte. */
  compared: Bytes;
  /** What was wrong; empty when nothing was. */
  problems: string[];
}

const sizes = { full: 100_000, quick: 300 };
const added = 10;
const smallBytes = 1_200;
const seed = 501;
const delays = [0, 20];

/** Measures re-runs of one mailbox. */
export async function measureAgain(plan: BenchPlan): Promise<AgainFigures> {
  const { rig, directory, extent } = plan;
  const drop: MaildropPlan = { user: `again-${sizes[extent]}`, seed, messages: sizes[extent], size: () => smallBytes };
  const task = { users: [[drop.user, `${drop.user}-copy`]], directory: join(directory, 'again') } as const;
  await mkdir(task.directory);
  const again = new Again(plan, drop, { ...task, ...(await rig.route({ storage: 'maildir', oneWayMs: 0 })) });
  try {
    return await again.run();
  } finally {
    await spoilMaildrop(await rig.source(), drop.user);
    await rig.forget('maildir', task.users[0][1]);
    rig.disk.leave(task.directory);
  }
}

class Again {
  readonly #plan: BenchPlan;
  readonly #drop: MaildropPlan;
  /** Other messages than those of the maildrop. */
  readonly #extra: MaildropPlan;
  readonly #task: Task;
  readonly #problems: string[] = [];

  constructor(plan: BenchPlan, drop: MaildropPlan, task: Task) {
    this.#plan = plan;
    this.#drop = drop;
    this.#extra = { ...drop, seed: drop.seed + 1, messages: added };
    this.#task = task;
  }

  async run(): Promise<AgainFigures> {
    const { rig, programs } = this.#plan;
    const source = await rig.source();
    const { messages, bytes } = await fillMaildrop(source, this.#drop);
    // The server indexes what it has not seen: that is no part of anybody's figure.
    await runUidl(programs, this.#task);
    if (this.#plan.extent === 'full') await rig.settle('maildir', this.#plan.say);
    const first = await this.#sync('first copy', { listed: messages, appended: messages });
    const redis = await RedisByHand.copyOf(join(this.#task.directory, 'data'), join(this.#task.directory, 'redis'));
    try {
      const unchanged = [];
      for (const oneWayMs of delays) unchanged.push(await this.#unchanged(oneWayMs, redis));
      await deliver({ server: source, user: this.#drop.user }, messagesOf(this.#extra));
      const all = messages + added;
      const more = await this.#sync(`${added} new messages`, { listed: all, known: messages, appended: added });
      await redis.empty();
      const flushed = await this.#sync('Redis emptied', { listed: all, duplicate: all }, redis);
      const compared = await this.#compare(all);
      return { messages, bytes, added, first, unchanged, more, flushed, compared, problems: this.#problems };
    } finally {
      await redis.stop();
    }
  }

  async #unchanged(oneWayMs: number, redis: RedisByHand): Promise<UnchangedRuns> {
    const { rig, pairs, programs } = this.#plan;
    const { popPort, imapPort } = await rig.route({ storage: 'maildir', oneWayMs });
    const task = { ...this.#task, popPort, imapPort };
    const { messages } = this.#drop;
    const expected = { listed: messages, known: messages };
    const line = oneWayMs === 0 ? '' : `, ${2 * oneWayMs} ms`;
    const runs: UnchangedRuns = { oneWayMs, bare: [], mailhaul: [], byHand: [] };
    for (let pair = 0; pair < pairs; pair += 1) {
      const bare = await runUidl(programs, task);
      if (bare.said !== messages) this.#problems.push(`UIDL lists ${bare.said} of ${messages}: ${bare.stderr}`);
      runs.bare.push(this.#told(`bare UIDL${line}`, bare));
      runs.mailhaul.push(await this.#sync(`unchanged${line}`, expected, undefined, task));
      runs.byHand.push(await this.#sync(`unchanged, Redis by hand${line}`, expected, redis, task));
    }
    return runs;
  }

  /** Runs Mailhaul, with a Redis of its own where none is given, and holds its report and both ends against what is due. */
  async #sync(
    what: string,
    expected: Partial<MessageCounts>,
    redis?: RedisByHand,
    task: Task = this.#task,
  ): Promise<AgainRun> {
    await flush(task.directory);
    const ran = await runMailhaul(this.#plan.programs, task, redis ? ['--redis', redis.url] : []);
    const wrong = (text: string) => this.#problems.push(`${what}: ${text}`);
    if (ran.status !== 0) wrong(`exit status ${ran.status}: ${ran.stderr.trim().slice(-400)}`);
    const counts = ran.report?.totals.messages;
    for (const [name, count] of Object.entries({ ...noMessages, ...expected })) {
      const found = counts?.[name as keyof MessageCounts];
      if (found !== count) wrong(`${found} messages are ${name} instead of ${count}`);
    }
    const { rig } = this.#plan;
    const [[from, to]] = task.users as [readonly [string, string]];
    const source = await maildropCount((await rig.source()).popPort, from);
    const destination = await mailboxCount(await rig.destination('maildir'), to);
    if (source !== expected.listed) wrong(`${source} of ${expected.listed} messages are left at the source`);
    if (destination !== expected.listed) wrong(`${destination} of ${expected.listed} messages are at the destination`);
    return this.#told(what, ran);
  }

  #told(what: string, ran: Ran): AgainRun {
    this.#plan.say(`${'again'.padEnd(18)} ${what.padEnd(36)} ${ran.wallSeconds.toFixed(2).padStart(8)} s`);
    const { wallSeconds, userSeconds, systemSeconds, processes, report } = ran;
    const { programMB, redisMB } = peaksOf(processes);
    const run = { wallSeconds, userSeconds, systemSeconds, peakRssMB: programMB, redisPeakRssMB: redisMB };
    return report ? { ...run, messages: report.totals.messages } : run;
  }

  async #compare(messages: number): Promise<Bytes> {
    const made = await contents(both(messagesOf(this.#drop), messagesOf(this.#extra)));
    const { imapPort } = await this.#plan.rig.destination('maildir');
    const bytes = compareContents(made, await destinationContents(imapPort, this.#task.users[0]![1]));
    const { exact, missing, extra } = bytes;
    if (exact !== messages || missing + extra > 0) {
      this.#problems.push(
        `${exact} of ${messages} messages are exact, ${missing} missing, ${extra} altered or doubled`,
      );
    }
    return bytes;
  }
}

function* both<Item>(first: Iterable<Item>, second: Iterable<Item>): Generator<Item> {
  yield* first;
  yield* second;
}
