/** `npm run bench`: measures the built program against a bare socket program and a plain loop, side by side. */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureAgain } from './again.ts';
import { againText } from './again-table.ts';
import { atExit, watchExit } from './at-exit.ts';
import { BenchRun } from './bench-run.ts';
import { buildPrograms } from './built-programs.ts';
import { measureCpu } from './cpu.ts';
import { cpuText, startText } from './cpu-table.ts';
import { dashboardPlans, measureDashboard } from './dashboard.ts';
import { dashboardText } from './dashboard-table.ts';
import { measureFairness } from './fairness.ts';
import { fairnessText } from './fairness-table.ts';
import { growthPlans, measureGrowth } from './growth.ts';
import { growthSvg } from './growth-svg.ts';
import { growthText } from './growth-table.ts';
import { type BenchOptions, parseOptions, usage } from './options.ts';
import { type BenchResult, readResult } from './results.ts';
import { BenchRig } from './rig.ts';
import { measureScale, scalePlans } from './scale.ts';
import { scaleText } from './scale-table.ts';
import { speedSvg } from './speed-svg.ts';
import { measureStart } from './start-time.ts';
import { summaryText } from './summary.ts';
import { tablesOf } from './tables.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const usageStatus = 2;

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function bench(options: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), 'mailhaul-bench-'));
  atExit(() => rmSync(directory, { recursive: true, force: true }));
  const { pairs, extent } = options;
  const result: BenchResult = {
    version: 1,
    startedAt: new Date().toISOString(),
    extent,
    pairs,
    machine: {
      cpus: cpus().map(({ model }) => model),
      memoryMB: Math.round(totalmem() / 1e6),
      kernel: release(),
      node: process.version,
    },
    scenarios: [],
  };
  if (options.scale) {
    result.scale = await measureScale(scalePlans[extent], join(root, 'dist/src/cli.js'), directory, say);
  }
  if (options.dashboard) {
    result.dashboard = await measureDashboard(dashboardPlans[extent], join(root, 'dist/src/cli.js'), directory, say);
  }
  if (options.growth) {
    const programs = await buildPrograms(root, directory);
    result.growth = await measureGrowth(growthPlans[extent], programs, directory, say);
  }
  if (options.scenarios.length > 0 || options.again || options.fairness || options.start) {
    await runScenarios(options, directory, result);
  }
  // Here, where it can be said: it takes a while.
  say('removing what the runs left');
  await rm(directory, { recursive: true, force: true }).catch((error: Error) => say(error.message));
  return result;
}

async function runScenarios(options: BenchOptions, directory: string, result: BenchResult): Promise<void> {
  const { scenarios, keep, pairs, extent, pop2imap } = options;
  const programs = await buildPrograms(root, directory);
  const rig = new BenchRig(directory, keep === undefined ? undefined : resolve(keep), extent, programs.delay);
  const runs = join(directory, 'runs');
  await mkdir(runs);
  const plan = { rig, programs, directory: runs, pairs, extent, say, pop2imap: pop2imap && resolve(pop2imap) };
  try {
    const run = new BenchRun(plan);
    for (const name of scenarios) result.scenarios.push(await run.scenario(name));
    const cpu = await measureCpu(result.scenarios, programs.profiles, root, options.flame);
    if (cpu) result.cpu = cpu;
    if (options.start) result.start = await measureStart(plan);
    if (options.again) result.again = await measureAgain(plan);
    if (options.fairness) result.fairness = await measureFairness(plan);
  } finally {
    await rig.close();
  }
}

/** What was wrong, whatever it was. */
function problemsOf({ scenarios, scale = [], dashboard, growth, again, start, fairness }: BenchResult): string[] {
  const others = [dashboard, again, start, fairness].filter((part) => part !== undefined);
  const parts: { problems: string[] }[] = [...scenarios.flatMap(({ runs }) => runs), ...scale, ...others];
  if (growth) parts.push(...growth.maildrops, ...growth.mailboxes, ...growth.lists);
  return parts.flatMap(({ problems }) => problems);
}

/** Measures, and keeps the raw figures. */
async function measured(options: BenchOptions): Promise<BenchResult> {
  const result = await bench(options);
  const json = resolve(options.json ?? join(tmpdir(), `mailhaul-bench-${result.startedAt.replaceAll(':', '')}.json`));
  await writeFile(json, `${JSON.stringify(result, null, 2)}\n`);
  say(`\nThe raw figures are in ${json}`);
  return result;
}

/** Prints the tables and draws the pictures. */
async function show(result: BenchResult, { svg, growthSvg: growthFile }: BenchOptions): Promise<void> {
  const { scale, dashboard, growth, scenarios, cpu, start, again, fairness, extent } = result;
  if (scale) process.stdout.write(scaleText(scale, extent));
  if (dashboard) process.stdout.write(dashboardText(dashboard, extent));
  if (growth) {
    process.stdout.write(growthText(growth, extent));
    if (growthFile !== undefined) await writeFile(growthFile, growthSvg(growth, scale ?? []));
  }
  if (scenarios.length > 0) process.stdout.write(tablesOf(result));
  if (cpu) process.stdout.write(cpuText(cpu, extent));
  if (start) process.stdout.write(startText(start, extent));
  if (again) process.stdout.write(againText(again, extent));
  if (fairness) process.stdout.write(fairnessText(fairness, extent));
  if (svg !== undefined) await draw(result, svg);
  // Last, so that it is what is seen.
  if (scenarios.length > 0 || again || cpu) process.stdout.write(summaryText(result));
}

async function draw(result: BenchResult, file: string): Promise<void> {
  const picture = speedSvg(result);
  if (picture === undefined) say('no picture: it shows big-maildir and big-maildir-40ms, and neither was measured');
  else await writeFile(file, picture);
}

async function main(): Promise<number> {
  let options: BenchOptions | 'help';
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    say(`${(error as Error).message}\n\n${usage}`);
    return usageStatus;
  }
  if (options === 'help') {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const result = options.from === undefined ? await measured(options) : await readResult(options.from);
  await show(result, options);
  return problemsOf(result).length > 0 ? 1 : 0;
}

watchExit();
process.exitCode = await main();
