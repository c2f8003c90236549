/** One run of chaos: so many kills at seeded moments, mail and users all the while, one calm run, and a verdict. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../src/report/report.ts';
import { Random } from '../bench/random.ts';
import { Fleet, type Victim } from './chaos-fleet.ts';
import { ChaosMail, type Findings } from './chaos-mail.ts';

/** What is asked of a run. */
export interface ChaosOptions {
  readonly kills: number;
  readonly seed: number;
  /** Called after each kill. */
  readonly onKill?: (number: number, victim: Victim) => void;
}

/** How it went. */
export interface Verdict extends Findings {
  readonly kills: number;
  readonly seed: number;
  readonly seconds: number;
  /** Processes that ended by themselves with an error. */
  readonly failures: number;
  /** Exit status of the calm run. */
  readonly status: number | null;
  /** What one more run appended. */
  readonly appendedAgain: number;
  /** True when nothing was lost, doubled or altered, and nothing that a user deleted came back. */
  readonly passed: boolean;
}

/** How often each is killed, in proportion. */
const weights: readonly (readonly [Victim, number])[] = [
  ['imap', 4],
  ['pop', 3],
  ['scheduler', 3],
  ['redis', 2],
  ['source', 2],
  ['destination', 3],
];
const lots = weights.flatMap(([victim, weight]) => Array.from({ length: weight }, () => victim));
const users = ['ann', 'bob', 'cem'];
const calmTries = 3;

/** Runs chaos and removes what it made. */
export async function runChaos({ kills, seed, onKill }: ChaosOptions): Promise<Verdict> {
  const began = performance.now();
  const directory = await mkdtemp(join(tmpdir(), 'mailhaul-chaos-'));
  const random = new Random(seed);
  const fleet = await Fleet.start(directory, users);
  try {
    const mail = new ChaosMail(fleet, random);
    for (let i = 0; i < 3; i += 1) await mail.arrive(30);
    for (let number = 1; number <= kills; number += 1) {
      const victim = await nextKill(fleet, mail, random);
      onKill?.(number, victim);
    }
    const calm = await calmRuns(fleet);
    const findings = await mail.findings();
    const { lost, doubled, altered, returned, gone } = findings;
    const passed = calm.status === 0 && lost + doubled + altered + returned + gone + calm.appendedAgain === 0;
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    return { kills: fleet.kills, seed, seconds, failures: fleet.failures, ...calm, ...findings, passed };
  } finally {
    await fleet.end();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Some work, some mail, perhaps a user, and a kill. */
async function nextKill(fleet: Fleet, mail: ChaosMail, random: Random): Promise<Victim> {
  fleet.ensure();
  const pauses = random.between(1, 4);
  for (let pause = 0; pause < pauses; pause += 1) {
    await passes(random.between(50, 500));
    if (random.chance(0.6)) await mail.arrive(random.between(1, 8));
    fleet.ensure();
  }
  if (random.chance(0.5)) await mail.tidy();
  const victim = random.pick(lots);
  await fleet.kill(victim, random.chance(0.5) ? random.between(1, 600) : 0);
  return victim;
}

/** What chaos does between two kills is to let time pass; nothing is waited for. */
function passes(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

/** Runs until one completes, and once more. */
async function calmRuns(fleet: Fleet): Promise<Pick<Verdict, 'status' | 'appendedAgain'>> {
  fleet.ensure();
  let status: number | null = null;
  for (let tries = 0; tries < calmTries && status !== 0; tries += 1) ({ status } = await fleet.sync());
  const again = JSON.parse((await fleet.sync()).text) as Report;
  return { status, appendedAgain: again.totals.messages.appended };
}
