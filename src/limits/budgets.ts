/** Budgets: how much a host may be asked for. What the settings say of a host, with the rest from their default. */
import type { Settings } from '../ground/settings.ts';

/** The limits of one host. 0 is none, and costs nothing. */
export interface HostBudget {
  /** Connections at once, of all accounts together, whether the host is a source or a destination. */
  readonly connections: number;
  readonly connectionsPerAccount: number;
  readonly loginsPerSecond: number;
  readonly messagesPerSecond: number;
  /** Messages of one login. */
  readonly messagesPerSecondPerAccount: number;
  readonly bytesPerSecond: number;
  /** Bytes that one login may fetch in `budgetDayMs`. */
  readonly downloadBytesPerDay: number;
  /** Bytes that one login may append in `budgetDayMs`. */
  readonly uploadBytesPerDay: number;
}

/** No limits at all. */
export const noBudget: HostBudget = {
  connections: 0,
  connectionsPerAccount: 0,
  loginsPerSecond: 0,
  messagesPerSecond: 0,
  messagesPerSecondPerAccount: 0,
  bytesPerSecond: 0,
  downloadBytesPerDay: 0,
  uploadBytesPerDay: 0,
};

/** The limits of a host: its own where the settings name it, in whatever case, the default's where they do not. */
export function budgetOf({ budgets }: Pick<Settings, 'budgets'>, host: string): HostBudget {
  const [, named] = written(budgets, host);
  const given = Object.entries({ ...budgets.default, ...named }).filter(([, limit]) => limit !== undefined);
  return { ...noBudget, ...Object.fromEntries(given) };
}

/** What the settings say of a host itself, under its name as they write it. */
function written({ hosts }: Settings['budgets'], host: string): [string, Settings['budgets']['hosts'][string]] {
  return Object.entries(hosts).find(([name]) => name.toLowerCase() === host.toLowerCase()) ?? [host, {}];
}

/**
 * The settings with what hosts are known to allow, for what the settings do not say of a host itself: the stricter of
 * the known limit and the default's.
 */
export function withKnownLimits<S extends Pick<Settings, 'budgets'>>(
  settings: S,
  known: ReadonlyMap<string, Partial<HostBudget>>,
): S {
  const { budgets } = settings;
  const hosts = { ...budgets.hosts };
  for (const [host, limits] of known) {
    const entries = Object.entries(limits) as [keyof HostBudget, number][];
    const stricter = entries.map(([name, limit]) => [name, Math.min(limit, budgets.default[name] || limit)]);
    const [name, own] = written(budgets, host);
    hosts[name] = { ...Object.fromEntries(stricter), ...own };
  }
  return { ...settings, budgets: { ...budgets, hosts } };
}

/**
 * Runs that may be under way for each connection of a host. More than one, or as many huge mailboxes as the host allows
 * connections would keep all small ones from the queue for them, where each gets its turn.
 */
const runsPerConnection = 4;

/** How many runs the plan lets begin at hosts that the settings limit: more would only stand in the queue. */
export function hostRuns(settings: Pick<Settings, 'budgets'>): Record<string, number> {
  const limits = Object.keys(settings.budgets.hosts).map(
    (host) => [host, budgetOf(settings, host).connections * runsPerConnection] as const,
  );
  return Object.fromEntries(limits.filter(([, runs]) => runs > 0));
}

/** Bytes in the unit that suits them, powers of ten, as the limits of providers are named: `1.25 GB`. */
export function amount(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toFixed(2))} ${units[power]}`;
}

/** The rates of a host, for people: `4 message(s) and 1 MB a second`. */
export function paceText({ messagesPerSecond, bytesPerSecond, messagesPerSecondPerAccount }: HostBudget): string {
  const parts = [
    messagesPerSecond > 0 ? `${messagesPerSecond} message(s)` : '',
    bytesPerSecond > 0 ? amount(bytesPerSecond) : '',
  ];
  const perAccount =
    messagesPerSecondPerAccount > 0 ? `${messagesPerSecondPerAccount} message(s) a second for each account` : '';
  const shared = parts.filter((part) => part !== '').join(' and ');
  return [shared === '' ? '' : `${shared} a second`, perAccount].filter((part) => part !== '').join(', and ');
}

/** Why a session does not get its connections. */
export function connectionsText(
  host: string,
  because: 'account' | 'connections' | 'adaptive',
  allowed: number,
): string {
  if (because === 'account') return `${host} allows ${allowed} connection(s) for each account`;
  if (because === 'connections') return `${host} allows ${allowed} connection(s) at once`;
  return `${host} throttled or grew slow and is given ${allowed} connection(s) for now`;
}

/** The bytes of a day, for people: `1.25 GB a day`. */
export function dayText({ limit, dayMs }: { limit: number; dayMs: number }): string {
  return `${amount(limit)} ${dayMs === 86_400_000 ? 'a day' : `in ${dayMs / 1000} s`}`;
}
