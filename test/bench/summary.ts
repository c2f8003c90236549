/** Every line of design §10 in one table, in its order and its words. */
import { againBudget } from './again-table.ts';
import { cpuBudgetLine } from './cpu.ts';
import type { BenchResult, ScenarioResult } from './results.ts';
import type { ScenarioName } from './scenarios.ts';
import { type BudgetLine, budgetLines, table } from './tables.ts';

/** A figure beside its limit. */
interface Figure {
  /** With its unit. */
  shown: string;
  met: boolean;
}

/** A line of the budget, and where its figure is found. */
interface Entry {
  /** In the words of the design. */
  what: string;
  /** Under which of the line's conditions; empty where it has but one. */
  where: string;
  /** In the words of the design. */
  budget: string;
  /** The figure, or why there is none. */
  find: (result: BenchResult) => Figure | string;
}

/** A line as it is printed. */
export interface SummaryLine extends Omit<Entry, 'find'> {
  measured: string;
  verdict: 'met' | 'NOT MET' | 'not measured';
}

const unmeasured = 'not measured';
const copy = 'full copy, Dovecot to Dovecot Maildir';
const bare = 'at most 1.25 × a bare pipelined socket program (overlapped RETR and MULTIAPPEND)';
const loop = 'against the plain loop of imapflow and node-pop3';
const pop2imap = 'against pop2imap';

/** The budget. What another part of the benchmark measures is added here, where the design has its line. */
const entries: readonly Entry[] = [
  { what: copy, where: 'no delay', budget: bare, find: inScenario('big-maildir', 'mailhaul ÷ ceiling') },
  { what: copy, where: '40 ms round trip', budget: bare, find: inScenario('big-maildir-40ms', 'mailhaul ÷ ceiling') },
  {
    what: 'the same to mdbox',
    where: 'no delay',
    budget: 'at most 2 ×',
    find: inScenario('big-mdbox', 'mailhaul ÷ ceiling'),
  },
  {
    what: '500 messages (14 MB) at 40 ms, program start included',
    where: '',
    budget: 'at most 3 ×',
    find: inScenario('d40-maildir-40ms', 'mailhaul ÷ ceiling'),
  },
  {
    what: loop,
    where: 'without delay',
    budget: 'at least 3 times faster',
    find: inScenario('big-maildir', 'loop ÷ mailhaul'),
  },
  {
    what: loop,
    where: 'with 40 ms',
    budget: 'at least 30 times',
    find: inScenario('big-maildir-40ms', 'loop ÷ mailhaul'),
  },
  {
    what: pop2imap,
    where: 'without delay',
    budget: 'at least 3.5 times',
    find: inScenario('big-maildir', 'pop2imap ÷ mailhaul', 'pop2imap'),
  },
  {
    what: pop2imap,
    where: 'with 40 ms',
    budget: 'at least 50 times',
    find: inScenario('big-maildir-40ms', 'pop2imap ÷ mailhaul', 'pop2imap'),
  },
  {
    what: 're-run of an unchanged mailbox of 100,000 messages',
    where: 'no delay',
    budget: 'at most 2 × a bare login and UIDL',
    find: ({ again }) => {
      const line = again && againBudget(again);
      return line && !Number.isNaN(line.measured) ? { shown: shownOf(line), met: line.met } : '';
    },
  },
  {
    what: 'Redis',
    where: 'ledger',
    budget: 'at most 48 bytes a message',
    find: worst('ledger bytes a message'),
  },
  { what: 'Redis', where: 'index', budget: 'at most 24', find: worst('index bytes a message') },
  {
    what: 'resident memory of the service',
    where: '20 accounts at once',
    budget: 'under 250 MiB with 20 accounts at once, whatever the message sizes',
    find: inScenario('users-maildir', 'peak RSS of mailhaul'),
  },
  {
    what: 'queue and ledger work',
    where: '',
    budget: 'under 10 % of the CPU time of a run',
    find: ({ cpu }) => {
      if (!cpu) return '';
      const { measured, met } = cpuBudgetLine(cpu);
      return { shown: `${measured.toFixed(1)} %`, met };
    },
  },
];

/** A line of the tables of a scenario. */
function inScenario(name: ScenarioName, what: string, row?: 'pop2imap'): Entry['find'] {
  return ({ scenarios }) => {
    const scenario = scenarios.find((one) => one.name === name);
    if (!scenario) return '';
    return figureOf(scenario, what) ?? (row && scenario.skipped[row]) ?? '';
  };
}

/** The worst of all scenarios. */
function worst(what: string): Entry['find'] {
  return ({ scenarios }) => {
    const found = scenarios.flatMap((scenario) => {
      const line = budgetLines(scenario).find((one) => one.what === what);
      return line ? [{ ...line, name: scenario.name }] : [];
    });
    const [most] = found.sort((one, other) => other.measured - one.measured);
    return most ? { shown: `${shownOf(most)} (${most.name})`, met: found.every(({ met }) => met) } : '';
  };
}

function figureOf(scenario: ScenarioResult, what: string): Figure | undefined {
  const line = budgetLines(scenario).find((one) => one.what === what);
  return line && { shown: shownOf(line), met: line.met };
}

/** In the unit of its limit. */
function shownOf({ measured, budget }: BudgetLine): string {
  return `${measured.toFixed(2)}${/[^\d.]*$/.exec(budget)?.[0]}`;
}

/** All lines; one without a figure is there, too. */
export function summaryOf(result: BenchResult): SummaryLine[] {
  return entries.map(({ find, ...line }) => {
    const found = find(result);
    if (typeof found === 'string') return { ...line, measured: found, verdict: unmeasured };
    return { ...line, measured: found.shown, verdict: found.met ? 'met' : 'NOT MET' };
  });
}

/** The table, and after it what nobody may overlook. */
export function summaryText(result: BenchResult): string {
  const lines = summaryOf(result);
  const cells = lines.map(({ what, where, budget, measured, verdict }) => {
    if (verdict === unmeasured) return [what, where, budget, measured ? `${unmeasured}: ${measured}` : unmeasured, ''];
    return [what, where, budget, measured, verdict === 'met' ? verdict : `**${verdict}**`];
  });
  const wrong = result.scenarios.flatMap(({ name, runs }) =>
    runs.flatMap(({ row, problems }) => problems.map((problem) => `!!! WRONG: ${name}, ${row}: ${problem}`)),
  );
  const parts = [
    '## The budget (design §10)',
    table(['what', 'where', 'budget', 'measured', ''], cells),
    verdictOf(lines),
  ];
  if (wrong.length > 0) parts.push(wrong.join('\n'));
  if (result.extent === 'quick') parts.push('Quick: few messages and one pair, so that none of this means anything.');
  return `\n${parts.join('\n\n')}\n`;
}

function verdictOf(lines: readonly SummaryLine[]): string {
  const told = ({ what, where, budget, measured }: SummaryLine) =>
    `!!! ${[what, where].filter(Boolean).join(', ')}: ${measured || unmeasured}, budget ${budget}`;
  const failed = lines.filter(({ verdict }) => verdict === 'NOT MET');
  const open = lines.filter(({ verdict }) => verdict === unmeasured);
  const rest = open.length > 0 ? `; ${open.length} not measured` : '';
  if (failed.length > 0) {
    return [`!!! NOT MET: ${failed.length} of ${lines.length} lines${rest}`, ...failed.map(told)].join('\n');
  }
  return open.length > 0 ? `All measured lines are met${rest}.` : `All ${lines.length} lines are met.`;
}
