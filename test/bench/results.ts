/** The shape of the raw figures. */
import { readFile } from 'node:fs/promises';
import type { Report } from '../../src/report/report.ts';
import type { AgainFigures } from './again.ts';
import type { CpuFigures } from './cpu.ts';
import type { DashboardFigures } from './dashboard.ts';
import type { FairnessFigures } from './fairness.ts';
import type { GrowthFigures } from './growth.ts';
import type { ProcessPeak } from './measured-process.ts';
import type { PeerName } from './peers.ts';
import type { RedisMemory } from './redis-memory.ts';
import type { RouteCounts } from './rig.ts';
import type { RowName } from './rows.ts';
import type { ScaleFigures } from './scale.ts';
import type { ScenarioName } from './scenarios.ts';
import type { StartFigures } from './start-time.ts';
import type { Bytes } from './verify-copy.ts';

/** Whatever is measured beside others. */
export type AnyRow = RowName | PeerName;

/** One run of one program. */
export interface RunResult {
  row: AnyRow;
  /** In the order in which the runs of a scenario took place. */
  number: number;
  status: number | null;
  wallSeconds: number;
  userSeconds: number;
  systemSeconds: number;
  /** Sum over the program's processes, in MB; Redis apart. */
  peakRssMB: number;
  redisPeakRssMB: number;
  processes: ProcessPeak[];
  messages: number;
  bytes: number;
  /** Messages at both ends after the run. */
  source: number;
  destination: number;
  /** Compared once a row and scenario, in a quick benchmark always. */
  compared?: Bytes;
  roundTrips?: RouteCounts;
  redis?: RedisMemory;
  /** Totals of Mailhaul's report. */
  totals?: Report['totals'];
  hangs?: number;
  /** What a peer calls its version. */
  version?: string;
  /** What went wrong with a peer: it is said, and is no fault of ours. */
  remarks?: string[];
  /** What was wrong with the run; empty when nothing was. */
  problems: string[];
}

/** All runs of a scenario. */
export interface ScenarioResult {
  name: ScenarioName;
  title: string;
  messages: number;
  bytes: number;
  runs: RunResult[];
  /** The plain loop's time is multiplied by this: it ran on fewer messages. */
  loopFactor: number;
  /** Why a row is missing. */
  skipped: Partial<Record<AnyRow, string>>;
}

/** The JSON document. */
export interface BenchResult {
  version: 1;
  startedAt: string;
  extent: 'full' | 'quick';
  pairs: number;
  machine: { cpus: string[]; memoryMB: number; kernel: string; node: string };
  scenarios: ScenarioResult[];
  /** Of the scenario that is profiled. */
  cpu?: CpuFigures;
  /** Where nothing in particular is asked for. */
  start?: StartFigures;
  /** With `--scale`: the smaller number of accounts, and the larger one. */
  scale?: ScaleFigures[];
  /** With `--dashboard`. */
  dashboard?: DashboardFigures;
  /** With `--growth`. */
  growth?: GrowthFigures;
  /** Re-runs; with all scenarios, and with `--again`. */
  again?: AgainFigures;
  /** With `--fairness`. */
  fairness?: FairnessFigures;
}

/** Runs of one row, in their order. */
export function runsOf(scenario: Pick<ScenarioResult, 'runs'>, row: AnyRow): RunResult[] {
  return scenario.runs.filter((run) => run.row === row);
}

/** Reads raw figures that were kept. Throws where the file is not there, or is something else. */
export async function readResult(path: string): Promise<BenchResult> {
  const result = JSON.parse(await readFile(path, 'utf8')) as Partial<BenchResult>;
  if (result.version !== 1 || !Array.isArray(result.scenarios))
    throw new Error(`${path} has no figures of the benchmark`);
  return result as BenchResult;
}
