/** `npm run bench -- --growth`: how time and memory of the built program grow when what it is given grows tenfold. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dovecot, startDovecot } from '../../src/demo/dovecot.ts';
import { type ListPoint, measureList } from './growth-list.ts';
import { type MailboxPoint, measureMailbox } from './growth-mailbox.ts';
import { type MaildropPoint, measureMaildrop } from './growth-maildrop.ts';
import type { Programs } from './rows.ts';

/** What was measured, the smallest first. */
export interface GrowthFigures {
  maildrops: MaildropPoint[];
  mailboxes: MailboxPoint[];
  lists: ListPoint[];
}

/** How large the smallest is, how often it becomes ten times as large, and how often all but the largest are measured. */
export interface GrowthPlan {
  readonly maildrops: readonly number[];
  readonly mailboxes: readonly number[];
  /** Messages of the account that goes to each mailbox; half of them are there already. */
  readonly arriving: number;
  readonly lists: readonly number[];
  readonly runs: number;
}

/** What is measured by the extent of the benchmark. */
export const growthPlans: Readonly<Record<'full' | 'quick', GrowthPlan>> = {
  full: {
    maildrops: [2000, 20_000, 200_000],
    mailboxes: [5000, 50_000, 500_000],
    arriving: 1000,
    lists: [100, 1000, 10_000],
    runs: 3,
  },
  quick: { maildrops: [20, 200], mailboxes: [50, 500], arriving: 20, lists: [5, 50], runs: 1 },
};

/** What every measurement is given. */
export interface GrowthRig {
  readonly source: Dovecot;
  readonly destination: Dovecot;
  readonly programs: Programs;
  /** Exists; what is put there is removed again. */
  readonly directory: string;
}

/** Measures all sizes, one after the other. */
export async function measureGrowth(
  plan: GrowthPlan,
  programs: Programs,
  directory: string,
  say: (text: string) => void,
): Promise<GrowthFigures> {
  const figures: GrowthFigures = { maildrops: [], mailboxes: [], lists: [] };
  const told = <Point extends { problems: string[] }>(what: string, point: Point, seconds: number): Point => {
    const wrong = point.problems.length > 0 ? `  WRONG: ${point.problems.join('; ')}` : '';
    say(`growth ${what.padEnd(30)} ${seconds.toFixed(2).padStart(8)} s${wrong}`);
    return point;
  };
  const runs = (size: number, sizes: readonly number[]) => (size === sizes.at(-1) ? 1 : plan.runs);
  await withRig(programs, directory, async (rig) => {
    for (const size of plan.maildrops) {
      const point = await measureMaildrop(rig, size, runs(size, plan.maildrops));
      figures.maildrops.push(told(`maildrop of ${size}`, point, point.seconds));
    }
    for (const size of plan.mailboxes) {
      const point = await measureMailbox(rig, size, plan.arriving, runs(size, plan.mailboxes));
      figures.mailboxes.push(told(`mailbox of ${size}`, point, point.seconds));
    }
  });
  for (const size of plan.lists) {
    const point = await measureList(programs.mailhaul, directory, size, runs(size, plan.lists));
    figures.lists.push(told(`list of ${size}`, point, point.firstSeconds));
  }
  return figures;
}

/** mdbox at the destination: with a Maildir its own growth (one file a message) would hide that of the program. */
async function withRig(programs: Programs, parent: string, work: (rig: GrowthRig) => Promise<void>): Promise<void> {
  const directory = join(parent, 'growth');
  await mkdir(directory);
  const server = (storage: 'maildir' | 'mdbox', protocol: 'pop3' | 'imap') =>
    startDovecot({ directory: join(directory, storage), storage, protocols: [protocol] });
  const servers: Dovecot[] = [];
  try {
    const source = await server('maildir', 'pop3');
    servers.push(source);
    const destination = await server('mdbox', 'imap');
    servers.push(destination);
    await work({ source, destination, programs, directory });
  } finally {
    for (const one of servers) await one.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
