/** Which page the address names. Everything stands behind the #, so that Mailhaul works below any path of a proxy. */
import type { TableQuery } from '../../operations/answers/table.ts';

/** What the account list shows. */
export interface ListQuery {
  readonly search: string;
  readonly group: string;
  readonly state: string;
  readonly host: string;
  readonly needsPerson: boolean;
  readonly sort: TableQuery['sort'];
  readonly order: TableQuery['order'];
}

/** A page. */
export type Route =
  | { readonly page: 'overview' | 'hosts' | 'audit' | 'unknown' }
  | { readonly page: 'accounts'; readonly query: ListQuery }
  | { readonly page: 'account'; readonly id: string };

/** What the list can be sorted by, as the API names it. */
const sorts: readonly TableQuery['sort'][] = [
  'id',
  'group',
  'state',
  'listed',
  'settled',
  'refused',
  'failed',
  'pending',
  'bytesListed',
  'bytesAppended',
  'startedAt',
  'finishedAt',
];

/** The whole list in the order of ids. */
export const everyAccount: ListQuery = {
  search: '',
  group: '',
  state: '',
  host: '',
  needsPerson: false,
  sort: 'id',
  order: 'asc',
};

/** The page that a hash names; `unknown` for one that names none. */
export function readRoute(hash: string): Route {
  const [path = '', query = ''] = split(hash.replace(/^#/, ''));
  if (path === '' || path === '/') return { page: 'overview' };
  if (path === '/hosts') return { page: 'hosts' };
  if (path === '/audit') return { page: 'audit' };
  if (path === '/accounts') return { page: 'accounts', query: readQuery(query) };
  const id = /^\/accounts\/(.+)$/.exec(path)?.[1];
  if (id === undefined) return { page: 'unknown' };
  return { page: 'account', id: decoded(id) };
}

function split(text: string): [string, string] {
  const at = text.indexOf('?');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readQuery(text: string): ListQuery {
  const given = new URLSearchParams(text);
  const word = (name: string) => given.get(name) ?? '';
  const sort = sorts.find((one) => one === given.get('sort')) ?? 'id';
  const order = given.get('order') === 'desc' ? 'desc' : 'asc';
  const needsPerson = given.get('needsPerson') === 'true';
  const search = word('search').slice(0, 200);
  return { search, group: word('group'), state: word('state'), host: word('host'), needsPerson, sort, order };
}

/** The part of a query that is not as usual, as the API and the hash have it. */
export function queryText(query: ListQuery): string {
  const parts = new URLSearchParams();
  for (const name of ['search', 'group', 'state', 'host'] as const)
    if (query[name] !== '') parts.set(name, query[name]);
  if (query.needsPerson) parts.set('needsPerson', 'true');
  if (query.sort !== 'id') parts.set('sort', query.sort);
  if (query.order !== 'asc') parts.set('order', query.order);
  return parts.toString();
}

/** Whether a query leaves accounts out. */
export function isFiltered({ search, group, state, host, needsPerson }: ListQuery): boolean {
  return needsPerson || `${search}${group}${state}${host}` !== '';
}

/** The address of the account list. */
export function listHref(query: Partial<ListQuery>): string {
  const text = queryText({ ...everyAccount, ...query });
  return text === '' ? '#/accounts' : `#/accounts?${text}`;
}

/** The address of an account's page. */
export function accountHref(id: string): string {
  return `#/accounts/${encodeURIComponent(id)}`;
}
