/** Runs the scenarios: who runs when, on which fresh mailboxes, and what is checked afterwards. */
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Report } from '../../src/report/report.ts';
import { peaksOf } from './measured-process.ts';
import { isPeer, missingPeer, type PeerName, peers, runPeer } from './peers.ts';
import type { AnyRow, RunResult, ScenarioResult } from './results.ts';
import type { BenchRig, Source } from './rig.ts';
import { hasRoles, type Programs, type Ran, type RowName, runRow, type Task } from './rows.ts';
import { type Scenario, type ScenarioName, scenarios } from './scenarios.ts';
import { sumOf } from './statistics.ts';
import { type Bytes, compareContents, destinationContents, mailboxCount, maildropCount } from './verify-copy.ts';

/** What the runs need. */
export interface BenchPlan {
  readonly rig: BenchRig;
  readonly programs: Programs;
  /** Exists; each run has a directory of its own in it. */
  readonly directory: string;
  readonly pairs: number;
  readonly extent: 'full' | 'quick';
  /** The path of that program. */
  readonly pop2imap?: string | undefined;
  /** Told what is going on. */
  readonly say: (text: string) => void;
}

const run = promisify(execFile);

/** One benchmark. */
export class BenchRun {
  readonly #plan: BenchPlan;
  /** Loops that another scenario has run already, by mail and line. */
  readonly #loops = new Map<string, RunResult[]>();

  constructor(plan: BenchPlan) {
    this.#plan = plan;
  }

  async scenario(name: ScenarioName): Promise<ScenarioResult> {
    const { rig, pairs, programs, extent } = this.#plan;
    const scenario: Scenario = scenarios[name];
    const sources = await rig.corpus(scenario.corpus);
    const messages = sumOf(sources, (source) => source.messages);
    const bytes = sumOf(sources, (source) => source.bytes);
    const result: ScenarioResult = {
      name,
      title: scenario.title,
      messages,
      bytes,
      runs: [],
      loopFactor: 1,
      skipped: {},
    };
    if (extent === 'full') await rig.settle(scenario.storage, this.#plan.say);
    const paired: RowName[] = scenario.durable ? ['ceiling', 'durable', 'mailhaul'] : ['ceiling', 'mailhaul'];
    if (hasRoles(programs)) paired.push('mailhaul-split');
    else result.skipped['mailhaul-split'] = 'this build has no command to run the roles apart';
    for (let pair = 0; pair < pairs; pair += 1) {
      for (const row of paired) result.runs.push(await this.#once(name, row, scenario, result.runs));
    }
    result.runs.push(await this.#once(name, 'mailhaul-redis', scenario, result.runs));
    for (let run = 0; scenario.profiled && run < pairs; run += 1) {
      result.runs.push(await this.#once(name, 'mailhaul-profiled', scenario, result.runs));
    }
    const loopCorpus = scenario.loopCorpus ?? scenario.corpus;
    const loops = extent === 'quick' ? 1 : scenario.loopRuns;
    result.runs.push(...(await this.#loop(name, { ...scenario, corpus: loopCorpus }, loops)));
    result.loopFactor = messages / sumOf(await rig.corpus(loopCorpus), (source) => source.messages);
    // For a quick look the smallest mail will do.
    const peerCorpus = extent === 'quick' ? 'd40' : loopCorpus;
    for (const peer of scenario.peers ?? []) {
      const why = await missingPeer(peer, this.#plan.pop2imap);
      if (why !== undefined) result.skipped[peer] = why;
      else result.runs.push(await this.#once(name, peer, { ...scenario, corpus: peerCorpus }, result.runs));
    }
    return result;
  }

  async #loop(name: ScenarioName, scenario: Scenario, times: number): Promise<RunResult[]> {
    const key = [scenario.corpus, scenario.storage, scenario.oneWayMs].join(' ');
    const runs = this.#loops.get(key) ?? [];
    this.#loops.set(key, runs);
    while (runs.length < times) runs.push(await this.#once(name, 'loop', scenario, runs));
    return runs;
  }

  async #once(name: ScenarioName, row: AnyRow, scenario: Scenario, earlier: readonly RunResult[]): Promise<RunResult> {
    const { rig, programs, directory, extent, say } = this.#plan;
    const sources = await rig.corpus(scenario.corpus);
    const route = await rig.route(scenario);
    const own = await mkdtemp(join(directory, `${row}-`));
    const number = earlier.length + 1;
    const users = sources.map(({ user }) => [user, `${user}-${name}-${row}-${number}`] as const);
    await flush(directory);
    await route.counts();
    const { popPort, imapPort } = route;
    const task = { popPort, imapPort, users, directory: own };
    const ran = await (isPeer(row) ? this.#peer(row, scenario, task) : runRow(row, programs, task));
    const roundTrips = await route.counts();
    const compare = extent === 'quick' || !earlier.some((run) => run.row === row);
    const ends = await this.#look(scenario, sources, users, compare);
    const result = resultOf(row, number, ran, sources, ends);
    if (roundTrips) result.roundTrips = roundTrips;
    for (const [, user] of users) await rig.forget(scenario.storage, user);
    rig.disk.leave(own);
    const wrong = result.problems.length > 0 ? `  WRONG: ${result.problems.join('; ')}` : '';
    say(`${name.padEnd(18)} ${row.padEnd(15)} ${result.wallSeconds.toFixed(2).padStart(8)} s${wrong}`);
    return result;
  }

  async #peer(row: PeerName, { storage }: Scenario, { users, ...task }: Task): Promise<Ran> {
    const server = await this.#plan.rig.destination(storage);
    const [from, to] = users[0]!;
    const ran = await runPeer(row, { ...task, from, to, server, pop2imap: this.#plan.pop2imap });
    return { ...ran, said: undefined };
  }

  /** What is at both ends, read around the delay. */
  async #look(
    scenario: Scenario,
    sources: readonly Source[],
    users: readonly (readonly [string, string])[],
    compare: boolean,
  ): Promise<Ends> {
    const source = await this.#plan.rig.source();
    const destination = await this.#plan.rig.destination(scenario.storage);
    const ends: Ends = { source: 0, destination: 0 };
    const total = { exact: 0, missing: 0, extra: 0 };
    for (const [index, [from, to]] of users.entries()) {
      ends.source += await maildropCount(source.popPort, from);
      ends.destination += await mailboxCount(destination, to);
      if (!compare) continue;
      const there = await destinationContents(destination.imapPort, to);
      const bytes = compareContents(sources[index]!.contents, there);
      for (const key of ['exact', 'missing', 'extra'] as const) total[key] += bytes[key];
    }
    return compare ? { ...ends, compared: total } : ends;
  }
}

interface Ends {
  source: number;
  destination: number;
  compared?: Bytes;
}

function resultOf(row: AnyRow, number: number, ran: Ran, sources: readonly Source[], ends: Ends): RunResult {
  const { status, wallSeconds, userSeconds, systemSeconds, processes, redis, report, hangs, version } = ran;
  const peaks = peaksOf(processes);
  const messages = sumOf(sources, (source) => source.messages);
  const result: RunResult = {
    row,
    number,
    status,
    wallSeconds,
    userSeconds,
    systemSeconds,
    peakRssMB: peaks.programMB,
    redisPeakRssMB: peaks.redisMB,
    processes,
    messages,
    bytes: sumOf(sources, (source) => source.bytes),
    ...ends,
    problems: isPeer(row) ? [] : problemsOf(row, messages, ran, ends),
  };
  if (isPeer(row)) result.remarks = remarksOf(row, messages, ran, ends);
  if (version !== undefined) result.version = version;
  if (redis) result.redis = redis;
  if (report) result.totals = report.totals;
  if (hangs !== undefined) result.hangs = hangs;
  return result;
}

/** What a run has to be: finished, complete and, but for the loop, byte for byte. */
function problemsOf(row: RowName, messages: number, ran: Ran, ends: Ends): string[] {
  const problems: string[] = [];
  if (ran.status !== 0) problems.push(`exit status ${ran.status}: ${complaintOf(ran.stderr)}`);
  if (ran.said !== messages) problems.push(`it says that it copied ${ran.said} of ${messages} messages`);
  if (ends.source !== messages) problems.push(`${ends.source} of ${messages} messages are left at the source`);
  if (ends.destination !== messages)
    problems.push(`${ends.destination} of ${messages} messages are at the destination`);
  const { exact, missing, extra } = ends.compared ?? { exact: messages, missing: 0, extra: 0 };
  if (row !== 'loop' && (exact !== messages || missing + extra > 0)) {
    problems.push(
      `${exact} of ${messages} messages are exact, ${missing} missing, ${extra} altered, foreign or doubled`,
    );
  }
  if (ran.report) problems.push(...sumProblems(ran.report.totals.messages));
  return problems;
}

/** What a peer left undone; that it alters mail is in the table. */
function remarksOf(row: PeerName, messages: number, { status, stderr }: Ran, { destination }: Ends): string[] {
  const remarks: string[] = [];
  if (status === null || !peers[row].fine.includes(status)) {
    remarks.push(`${row} ended with status ${status}: ${complaintOf(stderr)}`);
  }
  if (destination !== messages) remarks.push(`${row} brought ${destination} of ${messages} messages`);
  return remarks;
}

/** The line that says what happened, or else the end of everything. */
function complaintOf(stderr: string): string {
  return /^(?:mailhaul|\w*Error): .*$/m.exec(stderr)?.[0] ?? stderr.trim().slice(-400);
}

/** Promise 5: listed is what all the others are together. */
function sumProblems({ listed, ...others }: Report['totals']['messages']): string[] {
  const sum = sumOf(Object.values(others), (count) => count);
  return sum === listed ? [] : [`the sums of the report do not agree: listed ${listed}, the rest ${sum}`];
}

/** What earlier runs left to be written is not charged to the next one. */
export async function flush(directory: string): Promise<void> {
  await run('sync', ['-f', directory]).catch(() => run('sync').catch(() => undefined));
}
