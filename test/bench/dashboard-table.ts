/** What was measured of the dashboard, held against its budget. */
import type { DashboardFigures } from './dashboard.ts';
import { viewers } from './dashboard-board.ts';
import type { PageFigures } from './dashboard-page.ts';
import { type BudgetLine, table } from './tables.ts';

/** Most milliseconds that a page of the table may take. */
export const listMs = 200;
/** Most of one core that the events may cost by all viewers, in per cent. */
export const eventsPercent = 2;
/** Most kilobytes of the first load, as they come over the wire. */
export const firstLoadKB = 150;
/** Most milliseconds of one task of the page while it is used. */
export const taskMs = 100;

/** The limits, and whether they are kept. */
export function dashboardBudget({ board, page }: DashboardFigures): BudgetLine[] {
  // What comes right after the start waits until all accounts have been read once.
  const worst = Math.max(...board.latencies.slice(1).map(({ worstMs }) => worstMs));
  const { haulAlone, haulViewed, idleAlone, idleViewed } = board.events;
  const line = (what: string, limit: number, measured: number, unit: string): BudgetLine => ({
    what,
    budget: `≤ ${limit} ${unit}`,
    measured,
    met: measured <= limit,
  });
  return [
    line('the slowest answer of the table once all accounts were read', listMs, worst, 'ms'),
    line(`events by ${viewers} viewers, during a haul`, eventsPercent, haulViewed - haulAlone, '% of a core'),
    line(`events by ${viewers} viewers, idle`, eventsPercent, idleViewed - idleAlone, '% of a core'),
    ...(page
      ? [
          line('the first load of the page', firstLoadKB, (page.firstLoad.page + page.firstLoad.answers) / 1000, 'kB'),
          ...page.tasks.map(({ what, wallMs }) => line(`longest task, ${what}`, taskMs, wallMs, 'ms')),
        ]
      : []),
  ];
}

/** What a person reads at the end. */
export function dashboardText(figures: DashboardFigures, extent: 'full' | 'quick'): string {
  const { board, page, accounts } = figures;
  const { haulAlone, haulViewed, idleAlone, idleViewed } = board.events;
  const percent = (value: number) => `${value.toFixed(2)} %`;
  const kilobytes = (board.bytesPerSecond / 1000).toFixed(1);
  const parts = [
    `### dashboard: ${accounts.toLocaleString('en')} accounts`,
    table(
      ['GET /api/table', 'median', 'worst'],
      board.latencies.map(({ what, medianMs, worstMs }) => [
        what,
        `${medianMs.toFixed(1)} ms`,
        `${worstMs.toFixed(1)} ms`,
      ]),
    ),
    table(
      ['share of a core that the process takes', 'nobody looks', `${viewers} viewers`, 'difference'],
      [
        ['200 runs get further each second', percent(haulAlone), percent(haulViewed), percent(haulViewed - haulAlone)],
        ['nothing happens', percent(idleAlone), percent(idleViewed), percent(idleViewed - idleAlone)],
      ],
    ),
    `During the haul each viewer got ${board.eventsPerSecond.toFixed(1)} events and ${kilobytes} kB a second.`,
    ...(page ? pageParts(page) : []),
    table(
      ['budget', 'limit', 'measured', ''],
      dashboardBudget(figures).map(({ what, budget, measured, met }) => [
        what,
        budget,
        measured.toFixed(2),
        met ? 'met' : 'NOT MET',
      ]),
    ),
    ...(extent === 'quick' ? ['Quick: few accounts and short looks, so the figures mean nothing.'] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

function pageParts({ firstLoad, tasks }: PageFigures): string[] {
  const kilobytes = (bytes: number) => (bytes / 1000).toFixed(1);
  return [
    `First load: ${kilobytes(firstLoad.page)} kB of page and ${kilobytes(firstLoad.answers)} kB of answers.`,
    table(
      ['the longest task of the page', 'by the clock', 'of the processor'],
      tasks.map(({ what, wallMs, cpuMs }) => [what, `${wallMs.toFixed(1)} ms`, `${cpuMs.toFixed(1)} ms`]),
    ),
  ];
}
