/** The figures as Markdown. */
import { isPeer, type PeerName, peers } from './peers.ts';
import { type AnyRow, type BenchResult, type RunResult, runsOf, type ScenarioResult } from './results.ts';
import { type Budget, scenarios } from './scenarios.ts';
import { median, pairRatio, sumOf } from './statistics.ts';

/** One line of design §10, measured. */
export interface BudgetLine {
  what: string;
  budget: string;
  measured: number;
  met: boolean;
}

const others = Object.keys(peers) as PeerName[];
/** Every row in the order in which it is shown. */
export const rows: readonly AnyRow[] = [
  'ceiling',
  'durable',
  'mailhaul',
  'mailhaul-split',
  'mailhaul-redis',
  'loop',
  ...others,
];
const mebibyte = 1024 * 1024;

/** Wall seconds of each run of a row; those of the loop and of peers as if they had moved all of the scenario's mail. */
export function wallsOf(scenario: ScenarioResult, row: AnyRow): number[] {
  const factor = scaleOf(scenario, row);
  return runsOf(scenario, row).map((run) => run.wallSeconds * factor);
}

/** The limits of a scenario, and whether they are kept. */
export function budgetLines(scenario: ScenarioResult): BudgetLine[] {
  const budget: Budget = scenarios[scenario.name].budget;
  const lines: BudgetLine[] = [];
  // A copy that is wrong has no speed.
  const sound = scenario.runs.every(({ problems }) => problems.length === 0);
  const add = (what: string, limit: number | undefined, measured: number | undefined, unit: string, least = false) => {
    if (limit === undefined || measured === undefined || Number.isNaN(measured)) return;
    const met = sound && (least ? measured >= limit : measured <= limit);
    lines.push({ what, budget: `${least ? '≥' : '≤'} ${limit}${unit}`, measured, met });
  };
  const walls = (row: AnyRow) => wallsOf(scenario, row);
  add('mailhaul ÷ ceiling', budget.toCeiling, pairRatio(walls('mailhaul'), walls('ceiling')), ' ×');
  const loop = median(walls('loop')) / median(walls('mailhaul'));
  add('loop ÷ mailhaul', budget.loopToMailhaul, loop, ' ×', true);
  const pop2imap = median(walls('pop2imap')) / median(walls('mailhaul'));
  // What did not bring all mail has no time.
  const complete = runsOf(scenario, 'pop2imap').every(({ destination, messages }) => destination === messages);
  add('pop2imap ÷ mailhaul', budget.pop2imapToMailhaul, complete ? pop2imap : undefined, ' ×', true);
  const resident = runsOf(scenario, 'mailhaul').map(({ peakRssMB }) => (peakRssMB * 1e6) / mebibyte);
  // Without /proc nothing was seen.
  add('peak RSS of mailhaul', budget.residentMiB, Math.max(...resident) || undefined, ' MiB');
  const kept = runsOf(scenario, 'mailhaul-redis').find(({ redis }) => redis)?.redis;
  const perMessage = (bytes: number | undefined) => (bytes === undefined ? undefined : bytes / scenario.messages);
  add('ledger bytes a message', budget.ledgerBytes, perMessage(kept?.ledgerBytes), ' B');
  add('index bytes a message', budget.indexBytes, perMessage(kept?.indexBytes), ' B');
  return lines;
}

/** Everything that a person reads at the end. */
export function tablesOf(result: BenchResult): string {
  const parts = result.scenarios.map((scenario) => {
    const skipped = Object.entries(scenario.skipped).map(([row, why]) => `${row} was left out: ${why}.`);
    const notes = [...skipped, ...loopNotes(scenario), ...peerNotes(scenario)];
    const tables = [timeTable(scenario), tripTable(scenario), redisTable(scenario), budgetTable(scenario)];
    const mail = `${scenario.messages.toLocaleString('en')} messages, ${(scenario.bytes / 1e6).toFixed(1)} MB`;
    return [`### ${scenario.name}: ${scenario.title} (${mail})`, ...tables, ...notes].filter(Boolean).join('\n\n');
  });
  const quick = 'Quick: few messages and one pair, so the figures mean nothing.';
  return `${[...(result.extent === 'quick' ? [quick] : []), ...parts].join('\n\n')}\n`;
}

/** A table of Markdown; empty without lines. */
export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  if (lines.length === 0) return '';
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function timeTable(scenario: ScenarioResult): string {
  const head = [
    'row',
    'runs',
    'wall s (min–max)',
    'user s',
    'sys s',
    'peak RSS MB',
    'msg/s',
    'MB/s',
    '÷ ceiling',
    'exact',
  ];
  const ceiling = wallsOf(scenario, 'ceiling');
  const lines = rows.flatMap((row) => {
    const runs = runsOf(scenario, row);
    if (runs.length === 0) return [];
    const walls = wallsOf(scenario, row);
    const wall = median(walls);
    const middle = (pick: (run: RunResult) => number, digits = 2) => {
      const factor = scaleOf(scenario, row);
      return (median(runs.map(pick)) * (pick === peak ? 1 : factor)).toFixed(digits);
    };
    const ratio = pairRatio(walls, ceiling);
    return [
      [
        row,
        String(runs.length),
        `${wall.toFixed(2)} (${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)})`,
        middle((run) => run.userSeconds),
        middle((run) => run.systemSeconds),
        middle(peak, 0),
        (scenario.messages / wall).toFixed(0),
        (scenario.bytes / wall / 1e6).toFixed(1),
        ratio === undefined ? '' : ratio.toFixed(2),
        exactOf(runs),
      ],
    ];
  });
  return table(head, lines);
}

/** By how much the time of a row is multiplied: it ran on fewer messages. */
function scaleOf(scenario: ScenarioResult, row: AnyRow): number {
  if (row === 'loop') return scenario.loopFactor;
  const [run] = isPeer(row) ? runsOf(scenario, row) : [];
  return run ? scenario.messages / run.messages : 1;
}

/** How many messages arrived with every byte, where that was looked at. */
function exactOf(runs: readonly RunResult[]): string {
  const run = runs.find(({ compared }) => compared);
  if (!run?.compared) return '';
  const { exact } = run.compared;
  return exact === run.messages ? 'all' : `${exact.toLocaleString('en')} of ${run.messages.toLocaleString('en')}`;
}

function peak(run: RunResult): number {
  return run.peakRssMB;
}

function tripTable(scenario: ScenarioResult): string {
  const head = [
    'row',
    'POP lines',
    'POP chain',
    'POP turns',
    'IMAP lines',
    'IMAP chain',
    'IMAP turns',
    'MB up',
    'MB down',
  ];
  const lines = rows.flatMap((row) => {
    const trips = runsOf(scenario, row)[0]?.roundTrips;
    if (!trips) return [];
    const { pop, imap } = trips;
    const cells = [pop, imap].flatMap((side) => [
      side.length,
      Math.max(0, ...side.map(({ chain }) => chain)),
      sumOf(side, ({ turns }) => turns),
    ]);
    const up = sumOf(imap, ({ bytesUp }) => bytesUp) / 1e6;
    const down = sumOf(pop, ({ bytesDown }) => bytesDown) / 1e6;
    return [[row, ...cells.map(String), up.toFixed(1), down.toFixed(1)]];
  });
  return table(head, lines);
}

function redisTable(scenario: ScenarioResult): string {
  const head = ['Redis bytes a message', 'ledger', 'index', 'queues', 'rest', 'CPU s'];
  const lines = rows.flatMap((row) => {
    const redis = runsOf(scenario, row).at(-1)?.redis;
    if (!redis) return [];
    const bytes = [redis.ledgerBytes, redis.indexBytes, redis.queueBytes, redis.restBytes];
    return [[row, ...bytes.map((value) => (value / scenario.messages).toFixed(1)), redis.cpuSeconds.toFixed(2)]];
  });
  return table(head, lines);
}

function budgetTable(scenario: ScenarioResult): string {
  const lines = budgetLines(scenario).map(({ what, budget, measured, met }) => [
    what,
    budget,
    measured.toFixed(2),
    met ? 'met' : 'NOT MET',
  ]);
  return table(['budget', 'limit', 'measured', ''], lines);
}

function loopNotes(scenario: ScenarioResult): string[] {
  const [loop] = runsOf(scenario, 'loop');
  if (!loop) return [];
  const notes: string[] = [];
  if (scenario.loopFactor !== 1) notes.push(`The loop's times are scaled from ${loop.messages} messages.`);
  const { exact = 0 } = loop.compared ?? {};
  notes.push(`Of the loop's ${loop.messages} messages ${exact} arrived with every byte.`);
  if (loop.hangs) notes.push(`node-pop3 hung ${loop.hangs} times; the waits are not in its time.`);
  return notes;
}

/** What each peer is, and what it left undone. */
function peerNotes(scenario: ScenarioResult): string[] {
  return others.flatMap((row) => {
    const [run] = runsOf(scenario, row);
    if (!run) return [];
    const scaled = scaleOf(scenario, row) === 1 ? '' : `; its times are scaled from ${run.messages} messages`;
    const what = `${row} ${run.version} ${peers[row].does}${scaled}.`;
    return [what, ...(run.remarks ?? []).map((remark) => `${remark}.`)];
  });
}
