/** A maildrop that grows: its first run, beside a bare socket program that shows how the two servers grow. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fillMaildrop, type Maildrop, type MaildropPlan, messagesOf } from './corpora.ts';
import type { GrowthRig } from './growth.ts';
import { peaksOf } from './measured-process.ts';
import { type Ran, runRow } from './rows.ts';
import { median } from './statistics.ts';
import {
  type Contents,
  compareContents,
  destinationContents,
  madeContents,
  mailboxCount,
  maildropCount,
} from './verify-copy.ts';

/** One size; medians where it was measured several times. */
export interface MaildropPoint {
  messages: number;
  bytes: number;
  seconds: number;
  /** Processor time of Mailhaul, without its Redis. */
  cpuSeconds: number;
  /** Time of the bare socket program for the same copy. */
  ceilingSeconds: number;
  peakRssMB: number;
  /** Of Redis: processor time, the most that it had allocated, and bytes by what they are for. */
  redisCpuSeconds: number;
  redisPeakMB: number;
  ledgerBytes: number;
  indexBytes: number;
  /** What was wrong; empty when nothing was. */
  problems: string[];
}

/** What a run of Mailhaul costs, whatever it copies. */
export type RunCost = Pick<
  MaildropPoint,
  'seconds' | 'cpuSeconds' | 'peakRssMB' | 'redisCpuSeconds' | 'redisPeakMB' | 'ledgerBytes' | 'indexBytes'
>;

/** Small messages: what a message costs is wanted, not what a byte does. */
const meanSize = 3000;
const deviation = 600;
const smallest = 700;

/** A maildrop of made mail, the same on every machine. */
export function growthMaildrop(user: string, messages: number): MaildropPlan {
  return { user, seed: 500, messages, size: (random) => Math.max(smallest, random.normal(meanSize, deviation)) };
}

/** Copies a maildrop of so many messages, as often as asked for, and compares the bytes of the first copy. */
export async function measureMaildrop(rig: GrowthRig, messages: number, runs: number): Promise<MaildropPoint> {
  const { source } = rig;
  const user = `maildrop-${messages}`;
  const plan = growthMaildrop(user, messages);
  const maildrop = await fillMaildrop(source, plan);
  const contents = madeContents(messagesOf(plan));
  // The server has indexed it then: nobody's first login waits for that.
  await maildropCount(source.popPort, user);
  const copies: Ran[] = [];
  const ceilings: Ran[] = [];
  const problems: string[] = [];
  for (let run = 1; run <= runs; run += 1) {
    for (const row of ['ceiling', 'mailhaul-redis'] as const) {
      const to = `${user}-${row}-${run}`;
      const ran = await runOnce(rig, row, user, to);
      (row === 'ceiling' ? ceilings : copies).push(ran);
      problems.push(...(await faultsOf(rig, { ran, to, maildrop, contents, compare: run === 1 })));
      await rm(join(rig.destination.mailRoot, to), { recursive: true, force: true });
    }
  }
  await rm(join(source.mailRoot, user), { recursive: true, force: true });
  const ceilingSeconds = median(ceilings.map(({ wallSeconds }) => wallSeconds));
  return { messages, bytes: maildrop.bytes, ceilingSeconds, ...costOf(copies), problems };
}

/** Runs a program from a maildrop into an INBOX. */
export async function runOnce(rig: GrowthRig, row: 'ceiling' | 'mailhaul-redis', from: string, to: string) {
  const directory = await mkdtemp(join(rig.directory, `${row}-`));
  const { popPort } = rig.source;
  const { imapPort } = rig.destination;
  try {
    return await runRow(row, rig.programs, { popPort, imapPort, users: [[from, to]], directory });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The medians of several runs of Mailhaul. */
export function costOf(runs: readonly Ran[]): RunCost {
  const middle = (pick: (ran: Ran) => number | undefined) => median(runs.map((ran) => pick(ran) ?? Number.NaN));
  return {
    seconds: middle(({ wallSeconds }) => wallSeconds),
    cpuSeconds: middle(({ userSeconds, systemSeconds }) => userSeconds + systemSeconds),
    peakRssMB: middle(({ processes }) => peaksOf(processes).programMB),
    redisCpuSeconds: middle(({ redis }) => redis?.cpuSeconds),
    redisPeakMB: middle(({ redis }) => redis && redis.peakBytes / 1e6),
    ledgerBytes: middle(({ redis }) => redis?.ledgerBytes),
    indexBytes: middle(({ redis }) => redis?.indexBytes),
  };
}

async function faultsOf(
  { source, destination }: GrowthRig,
  of: { ran: Ran; to: string; maildrop: Maildrop; contents: Contents; compare: boolean },
): Promise<string[]> {
  const { ran, to, maildrop, contents, compare } = of;
  const { messages, user } = maildrop;
  const faults: string[] = [];
  if (ran.status !== 0) faults.push(`exit status ${ran.status}: ${ran.stderr.slice(-300)}`);
  const counts = {
    'said to be copied': ran.said ?? 0,
    'left at the source': await maildropCount(source.popPort, user),
    'at the destination': await mailboxCount(destination, to),
  };
  for (const [where, count] of Object.entries(counts)) {
    if (count !== messages) faults.push(`${count} of ${messages} messages are ${where}`);
  }
  if (!compare) return faults;
  const { exact, extra } = compareContents(contents, await destinationContents(destination.imapPort, to));
  if (exact !== messages || extra > 0) faults.push(`${exact} of ${messages} messages are exact, ${extra} altered`);
  return faults;
}
