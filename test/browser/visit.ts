/** Chromium, and visits of it that tell everything a page did wrong. */
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
// @ts-expect-error plain JavaScript, since it runs before anything is installed
import { findBrowser } from '../../scripts/setup-plan.mjs';
import { runnable } from '../servers/redis.ts';
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

  /** Goes to a page by the link at the top. */
  async open(name: 'Overview' | 'Accounts' | 'Hosts' | 'Audit'): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
    await this.page.getByRole('heading', { level: 1, name }).waitFor();
    await this.settled();
  }

  /** Returns when the page has what it asked for. */
  async settled(): Promise<void> {
    await this.page.getByText('Loading …').first().waitFor({ state: 'detached' });
  }

  /** Asks for a deed, and says in the dialog that it is meant. */
  async deed(name: string, reason?: string): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).first().click();
    const dialog = this.page.getByRole('dialog');
    if (reason !== undefined) await dialog.getByRole('textbox').fill(reason);
    await dialog.getByRole('button', { name, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  /** What reaches out of the window: on a phone nobody looks for what is to the right. */
  tooWide(): Promise<string[]> {
    return this.page.evaluate('lookInside.tooWide()');
  }

  /** What the accessibility check finds serious or critical, each with its element. */
  unaccessible(): Promise<string[]> {
    return readAxeFaults(this.page);
  }

  /** The colour behind the page, as CSS says it. */
  background(): Promise<string> {
    return this.page.evaluate('getComputedStyle(document.body).backgroundColor');
  }

  /** What moves right now, by what it moves. */
  moving(): Promise<string[]> {
    return this.page.evaluate('lookInside.moving()');
  }

  /** Whether text of others ran as a script in any page of this visitor. */
  async canary(): Promise<boolean> {
    const ran = await Promise.all(this.context.pages().map((page) => page.evaluate<boolean>('"canary" in window')));
    return ran.includes(true);
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
  context.setDefaultTimeout(45_000);
  await context.addInitScript({ path: join(import.meta.dirname, 'in-page.js') });
  const page = await context.newPage();
  return new Visit(context, page, site);
}
