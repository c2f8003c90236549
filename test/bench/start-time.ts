/** How long the program takes to start: commands that do little, from the start of their process to its end. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchPlan } from './bench-run.ts';
import { type Measured, MeasuredProcess } from './measured-process.ts';
import { writeList } from './rows.ts';
import { median } from './statistics.ts';

/** Medians of one command. */
export interface StartTime {
  what: string;
  runs: number;
  wallSeconds: number;
  /** Of the process and of the Redis that it starts. */
  userSeconds: number;
  systemSeconds: number;
}

/** All that was started. */
export interface StartFigures {
  starts: StartTime[];
  problems: string[];
}

const limitMs = 60_000;
const times = { full: 10, quick: 2 };

/** Starts each command in turn, as often as the extent says. */
export async function measureStart({ rig, programs, directory, extent, say }: BenchPlan): Promise<StartFigures> {
  const own = await mkdtemp(join(directory, 'start-'));
  const { popPort } = await rig.source();
  const { imapPort } = await rig.destination('maildir');
  const list = await writeList({ popPort, imapPort, users: [['nobody', 'nobody']], directory: own });
  const sync = (data: string) => ['sync', list, '--data-dir', join(own, data), '--quiet', '--json'];
  const { mailhaul } = programs;
  const runs = times[extent];
  const commands: readonly [what: string, command: (run: number) => readonly string[]][] = [
    ['node -e 0', () => ['-e', '0']],
    ['mailhaul --version', () => [mailhaul, '--version']],
    ['mailhaul --help', () => [mailhaul, '--help']],
    ['mailhaul sync, one empty account, first run', (run) => [mailhaul, ...sync(`data-${run}`)]],
    ['mailhaul sync, the same again', (run) => [mailhaul, ...sync(`data-${run}`)]],
  ];
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, TMPDIR: tmpdir() };
  const measured: Measured[][] = commands.map(() => []);
  for (let run = 0; run < runs; run += 1) {
    for (const [index, [, command]] of commands.entries()) {
      const started = MeasuredProcess.start([process.execPath, ...command(run)], { directory: own, limitMs, env });
      measured[index]!.push(await started.ended);
    }
  }
  rig.disk.leave(own);
  const starts = commands.map(([what], index) => startTime(what, measured[index]!));
  for (const { what, wallSeconds } of starts) say(`start  ${what.padEnd(44)} ${wallSeconds.toFixed(2).padStart(8)} s`);
  const failed = measured.flat().filter(({ status }) => status !== 0);
  return { starts, problems: failed.map(({ status, stderr }) => `a start ended with ${status}: ${stderr}`) };
}

function startTime(what: string, runs: readonly Measured[]): StartTime {
  return {
    what,
    runs: runs.length,
    wallSeconds: median(runs.map(({ wallSeconds }) => wallSeconds)),
    userSeconds: median(runs.map(({ userSeconds }) => userSeconds)),
    systemSeconds: median(runs.map(({ systemSeconds }) => systemSeconds)),
  };
}
