/** The picture of speed: how long the same mail takes with Mailhaul and beside it, as bars. */
import { type AnyRow, type BenchResult, runsOf, type ScenarioResult } from './results.ts';
import type { ScenarioName } from './scenarios.ts';
import { median } from './statistics.ts';
import { round, rule, svgOf, text } from './svg-parts.ts';
import { rows, wallsOf } from './tables.ts';

/** One bar. */
interface Bar {
  readonly row: AnyRow;
  readonly name: string;
  readonly seconds: number;
  /** What should be known before it is compared; may be empty. */
  readonly note: string;
}

const panels: readonly (readonly [scenario: ScenarioName, title: string])[] = [
  ['big-maildir', 'No added delay'],
  ['big-maildir-40ms', '40 ms round trip'],
];
/** Mailhaul is there once, as it runs by itself. */
const hidden: readonly AnyRow[] = ['mailhaul-split', 'mailhaul-redis'];
const names: Partial<Record<AnyRow, string>> = {
  mailhaul: 'Mailhaul',
  ceiling: 'bare sockets',
  durable: 'bare sockets, by files',
  loop: 'imapflow and node-pop3',
  'dsync-imapc': 'dsync over IMAP',
};
const notes: Partial<Record<AnyRow, string>> = {
  ceiling: 'the limit: nothing but RETR and MULTIAPPEND',
  durable: 'the same, hashed and durable in between',
  loop: 'a plain loop',
  mpop: 'writes files, no IMAP',
  getmail: 'writes files, no IMAP',
  fetchmail: 'by dovecot-lda, no IMAP',
  dsync: 'writes files, no IMAP',
};

const width = 760;
const margin = 20;
const barLeft = 310;
const barWidth = 340;
const rowHeight = 34;
const headHeight = 88;
const titleHeight = 34;
const panelGap = 18;

const style = `
  svg { --own: #0a58ca; --limit: #6e7781; --peer: #b35900; }
  @media (prefers-color-scheme: dark) {
    svg { --own: #79b8ff; --limit: #8b949e; --peer: #d29922; }
  }
  .small { font-size: 11px; fill: var(--faint); }
  .strong { font-weight: 600; }
  .own { fill: var(--own); } .limit { fill: var(--limit); } .peer { fill: var(--peer); }
`;

/** The picture; undefined where none of its scenarios was measured. */
export function speedSvg(result: BenchResult): string | undefined {
  const shown = panels.flatMap(([name, title]) => {
    const scenario = result.scenarios.find((one) => one.name === name);
    const bars = scenario ? barsOf(scenario) : [];
    return scenario && bars.length > 0 ? [{ scenario, title, bars }] : [];
  });
  const [first] = shown;
  if (!first) return undefined;
  const { messages, bytes } = first.scenario;
  const name = `${messages.toLocaleString('en')} messages (${(bytes / 1e6).toFixed(0)} MB) from POP3 to IMAP`;
  const ground = groundOf(result).map((words, line) => text(margin, 50 + line * 18, words, 'faint'));
  const parts = [text(margin, 30, name, 'head'), ...ground];
  let top = headHeight;
  for (const { title, bars } of shown) {
    parts.push(panelOf(title, bars, top));
    top += titleHeight + bars.length * rowHeight + panelGap;
  }
  const words = shown.map(({ title, bars }) => `${title}: ${bars.map(told).join('; ')}.`).join(' ');
  return svgOf({ width, height: top, name, words, style, parts });
}

/** A bar for each program that brought all mail, the fastest first. */
function barsOf(scenario: ScenarioResult): Bar[] {
  const bars = rows.flatMap((row): Bar[] => {
    const runs = runsOf(scenario, row);
    const whole = runs.every(
      ({ destination, messages, problems }) => destination === messages && problems.length === 0,
    );
    if (hidden.includes(row) || runs.length === 0 || !whole) return [];
    return [{ row, name: names[row] ?? row, seconds: median(wallsOf(scenario, row)), note: noteOf(scenario, row) }];
  });
  return bars.sort((one, other) => one.seconds - other.seconds);
}

function noteOf(scenario: ScenarioResult, row: AnyRow): string {
  const runs = runsOf(scenario, row);
  const parts = [notes[row]];
  const compared = runs.find((run) => run.compared);
  const altered = compared ? compared.messages - compared.compared!.exact : 0;
  const number = (value: number) => value.toLocaleString('en');
  if (compared && altered > 0) {
    const all = altered === compared.messages;
    parts.push(all ? 'alters every message' : `alters ${number(altered)} of ${number(compared.messages)}`);
  }
  const measured = runs[0]!.messages;
  if (measured !== scenario.messages) parts.push(`scaled from ${number(measured)}`);
  return parts.filter(Boolean).join('; ');
}

/** What is no program for anybody. */
function isLimit(row: AnyRow): boolean {
  return row === 'ceiling' || row === 'durable';
}

function panelOf(title: string, bars: readonly Bar[], top: number): string {
  const longest = Math.max(...bars.map(({ seconds }) => seconds));
  const first = top + titleHeight;
  const drawn = bars.flatMap(({ row, name, seconds, note }, index) => {
    const y = first + index * rowHeight;
    const long = Math.max(2, (seconds / longest) * barWidth);
    const kind = row === 'mailhaul' ? 'own' : isLimit(row) ? 'limit' : 'peer';
    const strong = kind === 'own' ? 'strong' : '';
    return [
      text(barLeft - 12, note ? y + 11 : y + 17, name, strong, 'end'),
      ...(note ? [text(barLeft - 12, y + 24, note, 'small', 'end')] : []),
      `<rect class="${kind}" x="${barLeft}" y="${y + 4}" width="${round(long)}" height="18" rx="2"/>`,
      text(barLeft + long + 8, y + 17, timeOf(seconds), strong),
    ];
  });
  const bottom = first + bars.length * rowHeight - 4;
  return [text(margin, top + 18, title, 'title'), rule(barLeft, first, barLeft, bottom), ...drawn].join('\n');
}

/** What it was measured with, where and when. */
function groundOf({ machine, startedAt, extent }: BenchResult): string[] {
  const [model = 'unknown processor'] = machine.cpus;
  const quick = extent === 'quick' ? ' Quick: these figures mean nothing.' : '';
  return [
    `Dovecot to Dovecot Maildir, all on one machine. Shorter is better.${quick}`,
    `${machine.cpus.length} × ${model}, ${startedAt.slice(0, 10)}`,
  ];
}

function told({ name, seconds, note }: Bar): string {
  return `${name} ${timeOf(seconds)}${note ? ` (${note})` : ''}`;
}

/** 4.1 s; 1 min 25 s. */
function timeOf(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
