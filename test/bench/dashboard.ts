/** `npm run bench -- --dashboard`: the built dashboard with very many accounts. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BoardFigures, type BoardPlan, measureBoard } from './dashboard-board.ts';
import { measurePage, type PageFigures, type PagePlan } from './dashboard-page.ts';
import { openWorld } from './dashboard-world.ts';

/** Everything that was measured of it. */
export interface DashboardFigures {
  accounts: number;
  board: BoardFigures;
  /** Undefined where no Chromium could be driven; `problems` says why. */
  page: PageFigures | undefined;
  /** What was wrong; empty when nothing was. */
  problems: string[];
}

/** How much is measured. */
export interface DashboardPlan {
  readonly accounts: number;
  /** Of these, accounts with a run under way: `runsMax` of config/default.yaml. */
  readonly open: number;
  readonly board: BoardPlan;
  readonly page: PagePlan;
}

/** What is measured by the extent of the benchmark. */
export const dashboardPlans: Readonly<Record<'full' | 'quick', DashboardPlan>> = {
  full: {
    accounts: 10_000,
    open: 400,
    // Each look has one sample of the throughput in it (throughputStepMs), which reads all that rang unseen.
    board: { requests: 100, lookMs: 60_000, settleMs: 10_000 },
    page: { scrollSteps: 600 },
  },
  quick: { accounts: 500, open: 40, board: { requests: 3, lookMs: 1000, settleMs: 100 }, page: { scrollSteps: 20 } },
};

/** Measures, with a Redis and a data directory of its own. */
export async function measureDashboard(
  plan: DashboardPlan,
  program: string,
  directory: string,
  say: (text: string) => void,
): Promise<DashboardFigures> {
  const own = join(directory, 'dashboard');
  await mkdir(own);
  const world = await openWorld(program, own, plan);
  try {
    const board = await measureBoard(world, plan.board);
    say(`dashboard ${plan.accounts} accounts: table and events measured`);
    const problems: string[] = [];
    const page = await measurePage(world, plan.page).catch((error: Error) => {
      problems.push(`the page was not measured: ${error.message}`);
      return undefined;
    });
    say(`dashboard ${plan.accounts} accounts: the page measured`);
    return { accounts: plan.accounts, board, page, problems: [...problems, ...(await world.close())] };
  } finally {
    world.service.kill();
    await rm(own, { recursive: true, force: true });
  }
}
