/** Budgets: how much a host may be asked for. What the settings say of a host, with the rest from their default. */
import type { Settings } from '../ground/settings.ts';

/** The limits of one host. 0 is none, and costs nothing. */
export interface HostBudget {
  /** Connections at once, of all accounts together, whether the host is a source or a destination. */
  readonly connections: number;
  readonly connectionsPerAccount: number;
  readonly loginsPerSecond: number;
  readonly messagesPerSecond: number;
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
  bytesPerSecond: 0,
  downloadBytesPerDay: 0,
  uploadBytesPerDay: 0,
};

/** The limits of a host: its own where the settings name it, in whatever case, the default's where they do not. */
export function budgetOf({ budgets }: Pick<Settings, 'budgets'>, host: string): HostBudget {
  const named = Object.entries(budgets.hosts).find(([name]) => name.toLowerCase() === host.toLowerCase());
  const given = Object.entries({ ...budgets.default, ...named?.[1] }).filter(([, limit]) => limit !== undefined);
  return { ...noBudget, ...Object.fromEntries(given) };
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
export function paceText({ messagesPerSecond, bytesPerSecond }: HostBudget): string {
  const parts = [
    messagesPerSecond > 0 ? `${messagesPerSecond} message(s)` : '',
    bytesPerSecond > 0 ? amount(bytesPerSecond) : '',
  ];
  return `${parts.filter((part) => part !== '').join(' and ')} a second`;
}
