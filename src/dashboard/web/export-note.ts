/** What is to be said of a file that was fetched: what it lacks stands in headers beside it. */
import type { Fetched } from './api.ts';
import { plural } from './format.ts';

/** What has no line in a UIDL map, by the end of the header's name. */
const lacking = {
  unsure: 'cannot be told apart',
  missing: 'not found at the destination',
  anonymous: 'without a UIDL',
};

/** One sentence or two. */
export function exportNote({ name, headers }: Pick<Fetched, 'name' | 'headers'>): string {
  const count = (what: string) => Number(headers.get(`mailhaul-${what}`) ?? 0);
  const cut = headers.get('mailhaul-incomplete');
  const lacks = Object.entries(lacking)
    .filter(([what]) => count(what) > 0)
    .map(([what, words]) => `${plural(count(what), 'message')} ${words}`);
  return [
    `${name} was downloaded.`,
    ...(cut === null ? [] : [`It is not whole (${cut}): its index.csv says what is missing.`]),
    ...(lacks.length === 0 ? [] : [`Not in it: ${lacks.join(', ')}.`]),
  ].join(' ');
}
