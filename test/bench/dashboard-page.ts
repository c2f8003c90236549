/** What the page of the dashboard costs the browser: bytes of the first load, and the longest tasks while it is used. */
import type { Browser, Page } from 'playwright-core';
import { launch, open, type Site } from '../browser/visit.ts';

/** The longest task of the page while something was done, in milliseconds: by the clock, and what the processor had of it. */
export interface LongestTask {
  what: string;
  wallMs: number;
  cpuMs: number;
}

/** What was measured. */
export interface PageFigures {
  /** Of everything that came until the overview was whole, as it came over the wire, by kind. */
  firstLoad: { page: number; answers: number };
  tasks: LongestTask[];
}

/** How thoroughly is measured. */
export interface PagePlan {
  /** Steps from the first account to the last, one a frame. */
  readonly scrollSteps: number;
}

const sortedBy = ['Pending', 'State', 'Account'];

/** Measures, for somebody who may steer. */
export async function measurePage({ url, token }: Site, plan: PagePlan): Promise<PageFigures> {
  const browser = await launch();
  try {
    const visit = await open(browser, { url, token }, {});
    await visit.logIn({ steering: true });
    await whole(visit.page);
    const firstLoad = await loadAnew(visit.page);
    await visit.open('Accounts');
    await rowsThere(visit.page);
    const tasks = [
      await traced(browser, visit.page, 'scrolled from end to end', () => scroll(visit.page, plan.scrollSteps)),
      await traced(browser, visit.page, `sorted by ${sortedBy.join(', ')}`, () => sort(visit.page)),
      await traced(browser, visit.page, 'searched letter by letter', () => search(visit.page)),
    ];
    return { firstLoad, tasks };
  } finally {
    await browser.close();
  }
}

async function whole(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.getByRole('table', { name: /^Messages/ }).waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
  await page.locator('.host-list li').first().waitFor();
}

/** Loads the page as somebody does who never had it. */
async function loadAnew(page: Page): Promise<PageFigures['firstLoad']> {
  const session = await page.context().newCDPSession(page);
  const answers = new Set<string>();
  const sum = { page: 0, answers: 0 };
  const add = (id: string, bytes: number) => {
    sum[answers.has(id) ? 'answers' : 'page'] += bytes;
  };
  session.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (new URL(request.url).pathname.startsWith('/api/')) answers.add(requestId);
  });
  session.on('Network.responseReceived', ({ requestId, response }) => {
    add(requestId, response.encodedDataLength);
  });
  // The stream of events never ends: what came of it counts as it comes.
  session.on('Network.dataReceived', ({ requestId, encodedDataLength }) => add(requestId, encodedDataLength));
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  await page.reload();
  await whole(page);
  await session.detach();
  return sum;
}

async function rowsThere(page: Page): Promise<void> {
  await page.locator('.rows .row').first().waitFor();
  await page.locator('.rows .row[aria-busy=true]').first().waitFor({ state: 'detached' });
}

/** The longest task of the page's main thread while `work` goes on. */
async function traced(browser: Browser, page: Page, what: string, work: () => Promise<void>): Promise<LongestTask> {
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline'] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args['name'] === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(({ name, pid, tid }) => name === 'RunTask' && mains.has(`${pid} ${tid}`));
  if (tasks.length === 0) throw new Error(`the trace has no task: ${what}`);
  const most = (of: (task: TraceEvent) => number | undefined) => Math.max(...tasks.map((task) => of(task) ?? 0)) / 1000;
  return { what, wallMs: most(({ dur }) => dur), cpuMs: most(({ tdur }) => tdur) };
}

/** An event of a trace of Chromium; times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args: Readonly<Record<string, unknown>>;
}

async function scroll(page: Page, steps: number): Promise<void> {
  await page.evaluate(`(async () => {
    const list = document.querySelector('[role=grid]');
    const end = list.scrollHeight - list.clientHeight;
    for (let step = 0; step <= ${steps}; step += 1) {
      list.scrollTop = (end * step) / ${steps};
      await new Promise(requestAnimationFrame);
    }
  })()`);
  await rowsThere(page);
}

async function sort(page: Page): Promise<void> {
  for (const name of sortedBy) {
    await page.getByRole('columnheader', { name }).getByRole('button').click();
    await page.getByRole('columnheader', { name }).and(page.locator('[aria-sort$=ending]')).waitFor();
    await rowsThere(page);
  }
}

async function search(page: Page): Promise<void> {
  const box = page.getByRole('searchbox', { name: 'Search accounts' });
  await box.pressSequentially('user wave-7', { delay: 100 });
  await page.waitForURL(/wave-7/);
  await rowsThere(page);
}
