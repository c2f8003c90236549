/** One Chromium for a test file, and what must hold at the end of each visit. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type Look, launch, open, type Site, type Visit } from './visit.ts';

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
      const ran = await visit.canary();
      await visit.context.close();
      expect(visit.unexpected()).toEqual([]);
      expect(ran, 'text of others ran as a script').toBe(false);
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

/** Fails with the elements that are out of reach for some, or out of the window. */
export async function expectGood(visit: Visit, what: string): Promise<void> {
  expect({ what, tooWide: await visit.tooWide() }).toEqual({ what, tooWide: [] });
  expect({ what, unaccessible: await visit.unaccessible() }).toEqual({ what, unaccessible: [] });
}
