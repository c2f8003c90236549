/** The accessibility check: axe-core in the page, and what it finds in words. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** WCAG 2.1 A and AA, and what axe holds to be good practice. */
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];

/** What keeps people out; moderate and minor findings are now and then a matter of taste. */
const grave: readonly unknown[] = ['serious', 'critical'];

/** What is serious or critical on the page as it stands, each with its rule and its element. */
export async function readAxeFaults(page: Page): Promise<string[]> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source);
  const call = `lookInside.axeFaults(${JSON.stringify(tags)})`;
  const found = await page.evaluate<{ impact: string | null; text: string }[]>(call);
  return found.filter(({ impact }) => grave.includes(impact)).map(({ text }) => text);
}
