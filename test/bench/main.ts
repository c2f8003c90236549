/** `npm run bench`: measures the built program against a bare socket program and a plain loop, side by side. */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureAgain } from './again.ts';
import { againText } from './again-table.ts';
import { atExit, watchExit } from './at-exit.ts';
import { BenchRun } from './bench-run.ts';
import { buildPrograms } from './built-programs.ts';
import { dashboardPlans, measureDashboard } from './dashboard.ts';
import { dashboardText } from './dashboard-table.ts';
import { measureFairness } from './fairness.ts';
import { fairnessText } from './fairness-table.ts';
import { growthPlans, measureGrowth } from './growth.ts';
import { growthSvg } from './growth-svg.ts';
import { growthText } from './growth-table.ts';
import { type BenchOptions, parseOptions, usage } from './options.ts';
import type { BenchResult } from './results.ts';
import { BenchRig } from './rig.ts';
import { measureScale, scalePlans } from './scale.ts';
import { scaleText } from './scale-table.ts';
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
  if (options.scenarios.length > 0 || options.again || options.fairness) {
    await runScenarios(options, directory, result);
  }
  return result;
}

async function runScenarios(options: BenchOptions, directory: string, result: BenchResult): Promise<void> {
  const { scenarios, keep, pairs, extent } = options;
  const programs = await buildPrograms(root, directory);
  const rig = new BenchRig(directory, keep === undefined ? undefined : resolve(keep), extent, programs.delay);
  const runs = join(directory, 'runs');
  await mkdir(runs);
  const plan = { rig, programs, directory: runs, pairs, extent, say };
  try {
    const run = new BenchRun(plan);
    for (const name of scenarios) result.scenarios.push(await run.scenario(name));
    if (options.again) result.again = await measureAgain(plan);
    if (options.fairness) result.fairness = await measureFairness(plan);
  } finally {
    await rig.close();
  }
}

/** What was wrong, whatever it was. */
function problemsOf({ scenarios, scale = [], dashboard, growth, again, fairness }: BenchResult): string[] {
  const others = [dashboard, again, fairness].filter((part) => part !== undefined);
  const parts: { problems: string[] }[] = [...scenarios.flatMap(({ runs }) => runs), ...scale, ...others];
  if (growth) parts.push(...growth.maildrops, ...growth.mailboxes, ...growth.lists);
  return parts.flatMap(({ problems }) => problems);
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
  const result = await bench(options);
  const json = resolve(options.json ?? join(tmpdir(), `mailhaul-bench-${result.startedAt.replaceAll(':', '')}.json`));
  await writeFile(json, `${JSON.stringify(result, null, 2)}\n`);
  if (result.scale) process.stdout.write(scaleText(result.scale, result.extent));
  if (result.dashboard) process.stdout.write(dashboardText(result.dashboard, result.extent));
  if (result.growth) {
    process.stdout.write(growthText(result.growth, result.extent));
    if (options.growthSvg !== undefined)
      await writeFile(options.growthSvg, growthSvg(result.growth, result.scale ?? []));
  }
  if (result.scenarios.length > 0) process.stdout.write(tablesOf(result));
  if (result.again) process.stdout.write(againText(result.again, result.extent));
  if (result.fairness) process.stdout.write(fairnessText(result.fairness, result.extent));
  say(`\nThe raw figures are in ${json}`);
  return problemsOf(result).length > 0 ? 1 : 0;
}

watchExit();
process.exitCode = await main();
