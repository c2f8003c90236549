/** `npm run bench -- --fairness`: a large mailbox among many small ones, in one sync with default settings. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BenchPlan, flush } from './bench-run.ts';
import { fillMaildrop, type MaildropPlan, messagesOf } from './corpora.ts';
import { peaksOf } from './measured-process.ts';
import { runMailhaul } from './rows.ts';
import { sumOf } from './statistics.ts';
import { compareContents, contents, destinationContents, mailboxCount } from './verify-copy.ts';

/** Who is in the list, in its order. */
export type FairnessRow = 'small alone' | 'large alone' | 'large first' | 'large last';

/** One sync. Seconds count from its first account's begin, as the log has it. */
export interface FairnessRun {
  row: FairnessRow;
  accounts: number;
  messages: number;
  /** Start and end of the program included. */
  wallSeconds: number;
  userSeconds: number;
  systemSeconds: number;
  peakRssMB: number;
  /** When nine of ten accounts were done, whichever they were, and all of them. */
  ninetySeconds: number;
  allSeconds: number;
  /** The last of the small accounts, and the large one; undefined where there is none. */
  smallSeconds?: number;
  largeSeconds?: number;
}

/** What was measured of fairness. */
export interface FairnessFigures {
  large: number;
  small: number;
  smallMessages: number;
  bytes: number;
  runs: FairnessRun[];
  /** What was wrong; empty when nothing was. */
  problems: string[];
}

const extents = {
  full: { large: 50_000, small: 200, smallMessages: 100 },
  quick: { large: 300, small: 10, smallMessages: 20 },
};
const rows: readonly FairnessRow[] = ['small alone', 'large alone', 'large first', 'large last'];
const messageBytes = 1_200;
const seeds = { large: 601, small: 701 };

/** Measures the four syncs, each into empty mailboxes. */
export async function measureFairness(plan: BenchPlan): Promise<FairnessFigures> {
  const { large, small, smallMessages } = extents[plan.extent];
  const drop = (user: string, seed: number, messages: number): MaildropPlan => {
    return { user, seed, messages, size: () => messageBytes };
  };
  const largeDrop = drop(`large-${large}`, seeds.large, large);
  const smallDrops = Array.from({ length: small }, (_, n) =>
    drop(`few-${smallMessages}-${String(n).padStart(3, '0')}`, seeds.small + n, smallMessages),
  );
  const source = await plan.rig.source();
  const filled = [];
  for (const each of [largeDrop, ...smallDrops]) filled.push(await fillMaildrop(source, each));
  const lists: Record<FairnessRow, readonly MaildropPlan[]> = {
    'small alone': smallDrops,
    'large alone': [largeDrop],
    'large first': [largeDrop, ...smallDrops],
    'large last': [...smallDrops, largeDrop],
  };
  const problems: string[] = [];
  const runs: FairnessRun[] = [];
  for (const row of rows) runs.push(await oneSync(plan, row, lists[row], problems));
  return { large, small, smallMessages, bytes: sumOf(filled, ({ bytes }) => bytes), runs, problems };
}

async function oneSync(
  { rig, programs, directory, say, extent }: BenchPlan,
  row: FairnessRow,
  drops: readonly MaildropPlan[],
  problems: string[],
): Promise<FairnessRun> {
  if (extent === 'full') await rig.settle('maildir', say);
  const own = await mkdtemp(join(directory, 'fairness-'));
  const users = drops.map(({ user }) => [user, `${user}-${row.replace(' ', '-')}`] as const);
  const route = await rig.route({ storage: 'maildir', oneWayMs: 0 });
  await flush(directory);
  const ran = await runMailhaul(programs, { ...route, users, directory: own }, []);
  const ends = await endsOf(join(own, 'data', 'mailhaul.log'));
  const { wallSeconds, userSeconds, systemSeconds, processes, status, said } = ran;
  const messages = sumOf(drops, (drop) => drop.messages);
  const wrong = (text: string) => problems.push(`${row}: ${text}`);
  if (status !== 0) wrong(`exit status ${status}: ${ran.stderr.trim().slice(-400)}`);
  if (said !== messages) wrong(`it says that it copied ${said} of ${messages} messages`);
  if (ends.size !== drops.length) wrong(`the log tells of the end of ${ends.size} of ${drops.length} accounts`);
  const { storage, imapPort } = await rig.destination('maildir');
  for (const [index, [, to]] of users.entries()) {
    const found = await mailboxCount(await rig.destination('maildir'), to);
    if (found !== drops[index]!.messages) wrong(`${found} of ${drops[index]!.messages} messages are at ${to}`);
    // Byte for byte where everything has to share; the counts say enough of the others.
    if (row === 'large first') {
      const bytes = compareContents(await contents(messagesOf(drops[index]!)), await destinationContents(imapPort, to));
      if (bytes.missing + bytes.extra > 0) wrong(`${bytes.missing} missing and ${bytes.extra} altered at ${to}`);
    }
    await rig.forget(storage, to);
  }
  rig.disk.leave(own);
  const run = { row, accounts: drops.length, messages, wallSeconds, userSeconds, systemSeconds };
  const figures = { ...run, peakRssMB: peaksOf(processes).programMB, ...timesOf(ends) };
  say(`${'fairness'.padEnd(18)} ${row.padEnd(15)} ${wallSeconds.toFixed(2).padStart(8)} s`);
  return figures;
}

/** When each account ended, in seconds from the moment at which the first one began. */
async function endsOf(log: string): Promise<ReadonlyMap<string, number>> {
  // Without a log the program did not get far: it says why.
  const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n');
  const said = lines.filter(Boolean).map((line) => JSON.parse(line) as { time: number; msg: string; account?: string });
  const began = Math.min(...said.filter(({ msg }) => msg === 'run begins').map(({ time }) => time));
  const ends = said.filter(({ msg }) => msg === 'run ended');
  return new Map(ends.map(({ account = '', time }) => [account, (time - began) / 1000]));
}

/** Nine of ten, all, the small ones and the large one. */
export function timesOf(
  ends: ReadonlyMap<string, number>,
): Pick<FairnessRun, 'ninetySeconds' | 'allSeconds' | 'smallSeconds' | 'largeSeconds'> {
  const sorted = [...ends.values()].sort((a, b) => a - b);
  const small = [...ends].filter(([user]) => user.startsWith('few-')).map(([, seconds]) => seconds);
  const large = [...ends].find(([user]) => user.startsWith('large-'))?.[1];
  return {
    ninetySeconds: sorted[Math.ceil(sorted.length * 0.9) - 1] ?? Number.NaN,
    allSeconds: sorted.at(-1) ?? Number.NaN,
    ...(small.length > 0 && { smallSeconds: Math.max(...small) }),
    ...(large !== undefined && { largeSeconds: large }),
  };
}
