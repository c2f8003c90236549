/** Which accounts of the list are chosen: some by their ids, or all that the filter finds but for some. */
import type { Meant } from './deeds.ts';
import { plural } from './format.ts';
import { everyAccount, type ListQuery } from './route.ts';

/** What is chosen. */
export interface Choice {
  /** True when everything found is chosen, `ids` aside; else `ids` are chosen. */
  readonly whole: boolean;
  readonly ids: ReadonlySet<string>;
}

/** Nothing. */
export const noChoice: Choice = { whole: false, ids: new Set() };

/** Everything that the filter finds. */
export const wholeChoice: Choice = { whole: true, ids: new Set() };

/** Whether an account is chosen. */
export function isChosen({ whole, ids }: Choice, id: string): boolean {
  return ids.has(id) !== whole;
}

/** The same but for one account. */
export function toggled({ whole, ids }: Choice, id: string): Choice {
  const others = new Set(ids);
  if (!others.delete(id)) others.add(id);
  return { whole, ids: others };
}

/** How many of the accounts found are chosen. */
export function chosenCount({ whole, ids }: Choice, found: number): number {
  return whole ? Math.max(0, found - ids.size) : ids.size;
}

/** The choice as deeds take it: a whole group or everything where the filter is just that. */
export function meant({ whole, ids }: Choice, query: ListQuery): Meant {
  if (!whole) return { account: [...ids] };
  if (ids.size === 0 && isFilteredBy(query, 'none')) return { all: true };
  if (ids.size === 0 && isFilteredBy(query, 'group')) return { group: query.group };
  return { filter: query, except: ids };
}

/** The choice in words. */
export function choiceText(choice: Choice, query: ListQuery, found: number): string {
  const [one] = choice.ids;
  if (!choice.whole && choice.ids.size === 1) return `account ${one}`;
  const what = meant(choice, query);
  if ('all' in what) return `all ${plural(found, 'account')}`;
  if ('group' in what) return `group ${what.group} with ${plural(found, 'account')}`;
  return plural(chosenCount(choice, found), 'account');
}

/** Whether a query narrows the list by nothing, or by the group alone. */
export function isFilteredBy(query: ListQuery, what: 'none' | 'group'): boolean {
  const group = what === 'group' ? '' : query.group;
  const narrow = { ...query, group, sort: everyAccount.sort, order: everyAccount.order };
  const isFree = (Object.keys(everyAccount) as (keyof ListQuery)[]).every(
    (name) => narrow[name] === everyAccount[name],
  );
  return isFree && (what === 'none' || query.group !== '');
}
