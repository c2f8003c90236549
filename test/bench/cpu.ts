/** What the profiled runs cost, by kind of work, and whether queue and ledger work keep to design §10. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beside, type Frame, readProfile } from './cpu-profile.ts';
import { type Kind, kinds, sharesOf } from './cpu-shares.ts';
import { flameGraph } from './flame-graph.ts';
import { type RunResult, runsOf, type ScenarioResult } from './results.ts';
import { median } from './statistics.ts';
import type { BudgetLine } from './tables.ts';

/** CPU time of one run under V8's sampling profiler, in seconds. */
export interface CpuFigures {
  scenario: string;
  messages: number;
  /** Of Mailhaul's process, with what its threads do for it. */
  programSeconds: number;
  /** Of the Redis that it started. */
  redisSeconds: number;
  /** What the samples say of the threads that run JavaScript, each kind in seconds; idle time is left out. */
  kinds: Record<Kind, number>;
  /** Ledger, index and queues with Redis, of all CPU time (0–1): docs/benchmark.md. */
  queueShare: number;
  /** The same of all profiled runs, the least first; this one is in their middle. */
  queueShares?: readonly number[];
  /** User time a message in the runs without a profiler, with Redis, in milliseconds: their median. */
  userMsPerMessage: number;
}

const mostShare = 0.1;

/**
 * The figures of the profiled run with the median share; undefined where no scenario had one. `flame` names the file for its
 * flame graph. Throws where there are not as many profiles as runs.
 */
export async function measureCpu(
  scenarios: readonly ScenarioResult[],
  profiles: string,
  root: string,
  flame: string | undefined,
): Promise<CpuFigures | undefined> {
  const scenario = scenarios.find((one) => runsOf(one, 'mailhaul-profiled').length > 0);
  if (!scenario) return undefined;
  const profiled: Profiled[] = [];
  for (const [at, run] of runsOf(scenario, 'mailhaul-profiled').entries()) {
    const profile = await profileIn(join(profiles, String(at + 1)), root);
    profiled.push({ profile, figures: cpuFigures(scenario, run, sharesOf(profile)) });
  }
  const { profile, figures } = inTheMiddle(profiled);
  const title = `mailhaul sync of ${scenario.messages.toLocaleString('en')} messages: CPU time of its process`;
  if (flame !== undefined) await writeFile(flame, flameGraph(profile, title));
  return figures;
}

interface Profiled {
  readonly profile: Frame;
  readonly figures: CpuFigures;
}

/** The run whose share is the median: of an even number the one with the larger share of the two in the middle. */
export function inTheMiddle<Run extends { readonly figures: CpuFigures }>(runs: readonly Run[]): Run {
  const sorted = [...runs].sort((a, b) => a.figures.queueShare - b.figures.queueShare);
  const middle = sorted[sorted.length >> 1]!;
  const queueShares = sorted.map(({ figures }) => figures.queueShare);
  return { ...middle, figures: { ...middle.figures, queueShares } };
}

/** One of each thread. */
async function profileIn(directory: string, root: string): Promise<Frame> {
  const names = await readdir(directory);
  if (names.length === 0) throw new Error(`the profiled run has left no profile in ${directory}`);
  const texts = await Promise.all(names.sort().map((name) => readFile(join(directory, name), 'utf8')));
  return beside(texts.map((text) => readProfile(text, root)));
}

/** The figures of a run whose samples say `shares` (microseconds). */
export function cpuFigures(scenario: ScenarioResult, run: RunResult, shares: Record<Kind, number>): CpuFigures {
  const seconds = Object.fromEntries(kinds.map((kind) => [kind, shares[kind] / 1e6])) as Record<Kind, number>;
  const sampled = kinds.reduce((sum, kind) => sum + seconds[kind], 0);
  const servers = run.processes.filter(({ name }) => /^(?:redis|valkey)/.test(name));
  const redisSeconds = servers.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  // The times of the run are those of the program and of the Redis that it waited for.
  const programSeconds = Math.max(0, run.userSeconds + run.systemSeconds - redisSeconds);
  // What the samples exceed the CPU time by was spent waiting for a processor.
  const queueSeconds = seconds['ledger, index, queues'] * Math.min(1, programSeconds / sampled);
  return {
    scenario: scenario.name,
    messages: run.messages,
    programSeconds,
    redisSeconds,
    kinds: seconds,
    queueShare: (queueSeconds + redisSeconds) / (programSeconds + redisSeconds),
    userMsPerMessage: (median(runsOf(scenario, 'mailhaul').map((one) => one.userSeconds)) / run.messages) * 1000,
  };
}

/** The line of design §10. */
export function cpuBudgetLine({ queueShare }: CpuFigures): BudgetLine {
  const what = 'queue and ledger work of the CPU time of a run';
  return { what, budget: '< 10 %', measured: queueShare * 100, met: queueShare < mostShare };
}
