/** A list of accounts that grows: how soon `mailhaul sync` makes its first connection, and what all of it takes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../src/report/report.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Measured, MeasuredProcess, peaksOf } from './measured-process.ts';
import { scaleList } from './scale-list.ts';
import { median } from './statistics.ts';

/** One size; medians where it was measured several times. */
export interface ListPoint {
  accounts: number;
  /** From the start of the command, its own Redis included, until the first server heard of it. */
  firstSeconds: number;
  /** Until all accounts were done; their maildrops are empty. */
  seconds: number;
  cpuSeconds: number;
  peakRssMB: number;
  /** Resident memory of the Redis that it starts. */
  redisPeakRssMB: number;
  problems: string[];
}

const limitMs = 10 * 60_000;

/** Runs `mailhaul sync` on a list of so many accounts without mail. */
export async function measureList(program: string, parent: string, accounts: number, runs: number): Promise<ListPoint> {
  const all: Run[] = [];
  for (let run = 1; run <= runs; run += 1) all.push(await once(program, parent, accounts));
  const middle = (pick: (run: Run) => number) => median(all.map(pick));
  return {
    accounts,
    firstSeconds: middle(({ firstSeconds }) => firstSeconds),
    seconds: middle(({ measured }) => measured.wallSeconds),
    cpuSeconds: middle(({ measured }) => measured.userSeconds + measured.systemSeconds),
    peakRssMB: middle(({ measured }) => peaksOf(measured.processes).programMB),
    redisPeakRssMB: middle(({ measured }) => peaksOf(measured.processes).redisMB),
    problems: all.flatMap(({ measured }) => faultsOf(measured, accounts)),
  };
}

interface Run {
  readonly measured: Measured;
  readonly firstSeconds: number;
}

async function once(program: string, parent: string, accounts: number): Promise<Run> {
  const directory = await mkdtemp(join(parent, 'list-'));
  const pop = await ScriptedPop3.start({ anyUser: true, messages: [] });
  const imap = await ScriptedImap.start();
  try {
    const list = join(directory, 'accounts.csv');
    await writeFile(list, scaleList(accounts, pop.port, imap.port), { mode: 0o600 });
    const { PATH, HOME } = process.env;
    const command = [process.execPath, program, 'sync', list, '--data-dir', join(directory, 'data')];
    const env = { PATH, HOME, TMPDIR: tmpdir() };
    const began = Date.now();
    const run = MeasuredProcess.start([...command, '--quiet', '--json'], { directory, limitMs, env });
    const measured = await run.ended;
    return { measured, firstSeconds: ((pop.times[0] ?? Number.NaN) - began) / 1000 };
  } finally {
    await Promise.all([pop.close(), imap.stop()]);
    await rm(directory, { recursive: true, force: true });
  }
}

function faultsOf({ status, stdout, stderr }: Measured, accounts: number): string[] {
  if (status !== 0) return [`exit status ${status}: ${stderr.slice(-300)}`];
  const report = JSON.parse(stdout) as Report;
  const complete = report.accounts.filter(({ state }) => state === 'complete').length;
  return complete === accounts ? [] : [`${complete} of ${accounts} accounts are complete`];
}
