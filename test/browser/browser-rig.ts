/** One Chromium for a test file, and visits of it that tell everything a page did wrong. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
// @ts-expect-error plain JavaScript, since it runs before anything is installed
import { findBrowser } from '../../scripts/setup-plan.mjs';
import { readAxeFaults } from './axe.ts';

/** How a visitor looks at the page. */
export interface Look {
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
  readonly reducedMotion?: boolean;
}

/** What is visited: where it answers, and the token that it has for whom. */
export interface Site {
  readonly url: string;
  readonly token: string;
}

/** A person with a browser of his own: cookies, theme and size are his alone. */
export class Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong so far, in the order in which it did. */
  readonly faults: string[] = [];
  readonly #expected: RegExp[] = [];
  readonly #site: Site;

  constructor(context: BrowserContext, page: Page, site: Site) {
    this.context = context;
    this.page = page;
    this.#site = site;
    context.on('page', (opened) => this.#watch(opened));
    this.#watch(page);
  }

  /** A fault that belongs to what the test does: a refused login is a failed request for Chromium. */
  expects(fault: RegExp): void {
    this.#expected.push(fault);
  }

  /** The faults that nobody expects; none of them may be left at the end of a test. */
  unexpected(): string[] {
    return this.faults.filter((fault) => !this.#expected.some((one) => one.test(fault)));
  }

  /** Opens the page, or a part of it: `#/accounts`. */
  async goto(part = ''): Promise<void> {
    await this.page.goto(`${this.#site.url}/${part}`);
  }

  /** Logs in by the form, as people do. */
  async logIn({ steering = false, token = this.#site.token } = {}): Promise<void> {
    // The page for who is not logged in comes with status 401.
    this.expects(/status of 401/);
    await this.goto();
    await this.page.getByLabel('Token').fill(token);
    await this.page.getByRole('checkbox', { name: /steering/i }).setChecked(steering);
    await this.page.getByRole('button', { name: 'Log in' }).click();
  }

  /** Fails with the nodes where the accessibility check finds something serious or critical. */
  async expectAccessible(what: string): Promise<void> {
    expect(await readAxeFaults(this.page), `${what}: accessibility`).toEqual([]);
  }

  /** Fails when the page is wider than its window: on a phone nobody looks for what is to the right. */
  async expectFits(what: string): Promise<void> {
    const wide = await this.page.evaluate('lookInside.tooWide()');
    expect(wide, `${what}: wider than the window`).toEqual([]);
  }

  #watch(page: Page): void {
    const fault = (text: string) => this.faults.push(text);
    page.on('console', (message) => {
      const { url } = message.location();
      if (['error', 'warning'].includes(message.type())) fault(`console: ${message.text()} (${url})`);
    });
    page.on('pageerror', (error) => fault(`error: ${error.stack ?? error.message}`));
    page.on('dialog', (dialog) => {
      fault(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const own = request.url().startsWith(`${this.#site.url}/`) || request.url().startsWith('data:');
      if (!own) fault(`a request to elsewhere: ${request.url()}`);
    });
    page.on('requestfailed', (request) => {
      const { errorText = '' } = request.failure() ?? {};
      // Requests that the page gives up itself, as when it is left, are no fault.
      if (errorText !== 'net::ERR_ABORTED') fault(`request: ${errorText} ${request.url()}`);
    });
  }
}

/** The browser of a test file. */
export interface BrowserRig {
  /** A new visitor; gone at the end of the test, which fails if he saw anything unexpected. */
  visit(site: Site, look?: Look): Promise<Visit>;
}

/** Registers the start of Chromium before the tests of a file, its end after them, and the look at every visit after each. */
export function useBrowser(): BrowserRig {
  let browser: Browser | undefined;
  const visits: Visit[] = [];
  beforeAll(async () => {
    browser = await launch();
  });
  afterEach(async () => {
    for (const visit of visits.splice(0)) {
      const ran = await Promise.all(visit.context.pages().map((page) => page.evaluate('"canary" in window')));
      await visit.context.close();
      expect(visit.unexpected()).toEqual([]);
      expect(ran, 'text of others ran as a script').not.toContain(true);
    }
  });
  afterAll(() => browser?.close());
  return {
    visit: async (site, look = {}) => {
      const visit = await open(browser!, site, look);
      visits.push(visit);
      return visit;
    },
  };
}

/** Starts Chromium. Throws with what to do where there is none. */
export async function launch(): Promise<Browser> {
  const path: string | undefined = findBrowser(process.env, runnable);
  if (path === undefined) {
    throw new Error('no Chromium: npm run setup installs it on Debian; elsewhere set CHROMIUM to the path of one');
  }
  // Chromium refuses to run as root with its sandbox; /dev/shm is small in containers.
  const args = ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
  return chromium.launch({ executablePath: path, args });
}

/** A visitor with a look. */
export async function open(browser: Browser, site: Site, look: Look): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1280, height: look.height ?? 800 },
    colorScheme: look.theme ?? 'light',
    reducedMotion: look.reducedMotion ? 'reduce' : 'no-preference',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(30_000);
  await context.addInitScript({ path: join(import.meta.dirname, 'in-page.js') });
  const page = await context.newPage();
  return new Visit(context, page, site);
}

function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
