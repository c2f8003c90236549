/** How long a migration will take, from what is to come and what the hosts allow. Pure. */
import { amount, type HostBudget, paceText } from '../limits/budgets.ts';

/** What one account will move. */
export interface Load {
  readonly sourceHost: string;
  readonly destinationHost: string;
  readonly messages: number;
  readonly bytes: number;
}

/** What the estimate stands on. */
export interface EstimateRules {
  readonly budgetOf: (host: string) => HostBudget;
  /** Sessions at once on each side. */
  readonly sessions: number;
  /** The span of a day's budget, in milliseconds. */
  readonly dayMs: number;
  /** What one session carries where nothing limits it. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** An estimate of one account or of all. */
export interface Estimate {
  readonly seconds: number;
  /** Over how many days the daily limits of the hosts stretch it; 0 where nothing is to come, 1 where none does. */
  readonly days: number;
}

/** The estimate of all, with the limits that make it long. */
export interface WholeEstimate extends Estimate {
  readonly because: readonly string[];
}

/** An account by itself. */
export function estimateAccount(load: Load, rules: EstimateRules): Estimate {
  const { messages, bytes } = load;
  if (messages === 0) return { seconds: 0, days: 0 };
  const days = daysOf(load, rules).days;
  const waits = ((days - 1) * rules.dayMs) / 1000;
  const paces = sidesOf(load).map(({ host }) => paceSeconds(messages, bytes, rules.budgetOf(host)));
  return { seconds: Math.ceil(waits + Math.max(carrySeconds(load, rules), ...paces)), days };
}

/** All accounts together, as many at once as sessions and hosts allow. */
export function estimateAll(loads: readonly Load[], rules: EstimateRules): WholeEstimate {
  const moving = loads.filter(({ messages }) => messages > 0);
  if (moving.length === 0) return { seconds: 0, days: 0, because: [] };
  const alone = moving.map((load) => estimateAccount(load, rules));
  const longest = Math.max(...alone.map(({ seconds }) => seconds));
  const carried = moving.reduce((sum, load) => sum + carrySeconds(load, rules), 0) / rules.sessions;
  const hosts = hostsOf(moving, rules);
  const seconds = Math.ceil(Math.max(longest, carried, ...hosts.map((host) => host.seconds)));
  const days = Math.max(...alone.map((one) => one.days));
  const slow = hosts.filter((host) => host.because !== '' && host.seconds > Math.max(60, carried));
  return { seconds, days, because: [...dayReasons(moving, rules), ...slow.map(({ because }) => because)] };
}

interface Side {
  readonly host: string;
  readonly side: 'source' | 'destination';
}

function sidesOf({ sourceHost, destinationHost }: Load): Side[] {
  return [
    { host: sourceHost, side: 'source' },
    { host: destinationHost, side: 'destination' },
  ];
}

/** One session after the other. */
function carrySeconds({ messages, bytes }: Load, { messagesPerSecond, bytesPerSecond }: EstimateRules): number {
  return Math.max(messages / messagesPerSecond, bytes / bytesPerSecond);
}

/** What the rates of a host make of it; limits of 0 are none. */
function paceSeconds(messages: number, bytes: number, limits: HostBudget): number {
  const seconds = (count: number, perSecond: number) => (perSecond > 0 ? count / perSecond : 0);
  return Math.max(seconds(messages, limits.messagesPerSecond), seconds(bytes, limits.bytesPerSecond));
}

function dayLimit({ host, side }: Side, { budgetOf }: EstimateRules): number {
  const { downloadBytesPerDay, uploadBytesPerDay } = budgetOf(host);
  return side === 'source' ? downloadBytesPerDay : uploadBytesPerDay;
}

function daysOf(load: Load, rules: EstimateRules): { days: number; by: Side | undefined; limit: number } {
  let longest: { days: number; by: Side | undefined; limit: number } = { days: 1, by: undefined, limit: 0 };
  for (const by of sidesOf(load)) {
    const limit = dayLimit(by, rules);
    const days = limit > 0 ? Math.ceil(load.bytes / limit) : 1;
    if (days > longest.days) longest = { days, by, limit };
  }
  return longest;
}

function dayReasons(loads: readonly Load[], rules: EstimateRules): string[] {
  const found = new Map<string, { accounts: number; days: number }>();
  for (const load of loads) {
    const { days, by, limit } = daysOf(load, rules);
    if (!by) continue;
    const what = `${by.host} allows ${amount(limit)} ${by.side === 'source' ? 'of download' : 'of upload'} a day for each account`;
    const { accounts, days: longest } = found.get(what) ?? { accounts: 0, days: 0 };
    found.set(what, { accounts: accounts + 1, days: Math.max(longest, days) });
  }
  return [...found].map(([what, { accounts, days }]) => `${what}: ${accounts} account(s) need up to ${days} days`);
}

interface HostLoad {
  readonly seconds: number;
  /** Empty where the host limits nothing. */
  readonly because: string;
}

function hostsOf(loads: readonly Load[], rules: EstimateRules): HostLoad[] {
  const sums = new Map<string, Side & { messages: number; bytes: number; carry: number; accounts: number }>();
  for (const load of loads) {
    for (const { host, side } of sidesOf(load)) {
      const key = `${side} ${host}`;
      const sum = sums.get(key) ?? { host, side, messages: 0, bytes: 0, carry: 0, accounts: 0 };
      sum.messages += load.messages;
      sum.bytes += load.bytes;
      sum.carry += carrySeconds(load, rules);
      sum.accounts += 1;
      sums.set(key, sum);
    }
  }
  return [...sums.values()].map((sum) => {
    const limits = rules.budgetOf(sum.host);
    const { connections, loginsPerSecond } = limits;
    // A session that appends has a second connection that looks.
    const atOnce = connections > 0 ? Math.max(1, Math.floor(connections / (sum.side === 'source' ? 1 : 2))) : Infinity;
    const shared = sum.carry / Math.min(atOnce, rules.sessions);
    const paced = paceSeconds(sum.messages, sum.bytes, limits);
    const logins = loginsPerSecond > 0 ? sum.accounts / loginsPerSecond : 0;
    const seconds = Math.max(shared, paced, logins);
    if (seconds === paced && paced > 0) return { seconds, because: `${sum.host} allows ${paceText(limits)}` };
    if (seconds === logins && logins > 0) {
      return { seconds, because: `${sum.host} allows ${loginsPerSecond} login(s) a second` };
    }
    const because = connections > 0 ? `${sum.host} allows ${connections} connection(s) at once` : '';
    return { seconds, because };
  });
}
