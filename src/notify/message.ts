/** What one message tells: events of some time, counted, with the first accounts of each kind by name. Pure. */
import { type ErrorCode, errorRow, printable } from '../ground/errors.ts';
import type { NotifiedEvent, NotifyTarget } from '../ground/settings-notify.ts';
import { type MessageCounts, noMessages, sum } from '../report/report.ts';
import { type EndedStates, type OutboxEntry, toldKinds } from './events.ts';

/** An account, as a message names it. */
interface Named {
  /** Id of the event: the same however often it is told. */
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly account: string;
  readonly group: string;
  readonly run: string;
}

/** Accounts whose run ended. */
export interface FinishedAccounts {
  readonly count: number;
  readonly states: EndedStates;
  readonly messages: MessageCounts;
  readonly first: readonly (Named & { readonly state: string; readonly messages: MessageCounts })[];
}

/** Accounts that need a person. */
export interface NeedyAccounts {
  readonly count: number;
  /** How many for which reason. */
  readonly codes: Readonly<Record<string, number>>;
  readonly first: readonly (Named & { readonly code: string; readonly remedy: string })[];
}

/** Groups, or all, that have no open run any more. */
export interface FinishedRuns {
  readonly count: number;
  readonly first: readonly { id: string; at: string; group: string | null; accounts: EndedStates }[];
}

/** Budgets that are used up. */
export interface BudgetPauses {
  readonly count: number;
  readonly first: readonly { id: string; at: string; host: string; side: string; group: string; until: string }[];
}

/** The JSON of a webhook (docs/notifications.md); e-mail says the same in words. */
export interface Notification {
  readonly type: 'mailhaul.notification' | 'mailhaul.test';
  /** When the message was made: ISO 8601. */
  readonly timestamp: string;
  readonly data: {
    readonly version: 1;
    readonly target: string;
    /** The address of the dashboard, where the settings know it (`publicUrl`). */
    readonly dashboard: string | null;
    /** Events that were lost or could not be delivered before. */
    readonly notTold: number;
    readonly 'account-finished': FinishedAccounts;
    readonly 'account-needs-person': NeedyAccounts;
    readonly 'run-finished': FinishedRuns;
    readonly 'budget-pause': BudgetPauses;
  };
}

/** A message with what is not part of its content. */
export interface OutgoingMessage {
  /** The same in every try to deliver it. */
  readonly id: string;
  readonly notification: Notification;
}

const longestId = 300;
const iso = (ms: number) => new Date(ms).toISOString();

/** To whom and when a message is made. */
export interface About {
  readonly name: string;
  readonly target: NotifyTarget;
  readonly dashboard: string | null;
  readonly at: number;
  readonly missed: number;
}

/** What a target is told of these events, `max` of each kind by name. */
export function notificationOf(
  { name, target, dashboard, at, missed }: About,
  entries: readonly OutboxEntry[],
  max: number,
): Notification {
  const of = (kind: NotifiedEvent) => entries.filter((entry) => toldKinds(entry, target).includes(kind));
  return {
    type: 'mailhaul.notification',
    timestamp: iso(at),
    data: {
      version: 1,
      target: name,
      dashboard,
      notTold: missed,
      'account-finished': finishedAccounts(of('account-finished'), max),
      'account-needs-person': needyAccounts(of('account-needs-person'), max),
      'run-finished': finishedRuns(of('run-finished'), max),
      'budget-pause': budgetPauses(of('budget-pause'), max),
    },
  };
}

/** A message that tells nothing, for whoever wants to see that it arrives. */
export function testNotification(about: Omit<About, 'missed'>): Notification {
  return { ...notificationOf({ ...about, missed: 0 }, [], 1), type: 'mailhaul.test' };
}

/** How many events a message tells. */
export function countIn({ data }: Notification): number {
  return (
    data['account-finished'].count +
    data['account-needs-person'].count +
    data['run-finished'].count +
    data['budget-pause'].count
  );
}

function finishedAccounts(entries: readonly OutboxEntry[], max: number): FinishedAccounts {
  const ended = entries.flatMap(({ id, event }) => (event.what === 'ended' ? [{ id, ...event }] : []));
  return {
    count: ended.length,
    states: tally(ended.map(({ state }) => state)),
    messages: sum(
      ended.map(({ messages }) => messages),
      noMessages,
    ),
    first: ended.slice(0, max).map((one) => ({ ...named(one), state: one.state, messages: one.messages })),
  };
}

function needyAccounts(entries: readonly OutboxEntry[], max: number): NeedyAccounts {
  const needy = entries.flatMap(({ id, code, event }) => ('account' in event ? [{ id, code, ...event }] : []));
  const first = needy.slice(0, max);
  return {
    count: needy.length,
    codes: tally(needy.map(({ code }) => code)),
    first: first.map((one) => ({
      ...named(one),
      code: one.code,
      remedy: remedyOf(one.code),
    })),
  };
}

function finishedRuns(entries: readonly OutboxEntry[], max: number): FinishedRuns {
  const runs = entries.flatMap(({ id, event, states }) =>
    event.what === 'finished' ? [{ id, at: iso(event.at), group: event.group, accounts: states }] : [],
  );
  const shown = (group: string | null) => (group === null ? null : printable(group, longestId));
  return { count: runs.length, first: runs.slice(0, max).map((run) => ({ ...run, group: shown(run.group) })) };
}

function budgetPauses(entries: readonly OutboxEntry[], max: number): BudgetPauses {
  const spent = entries.flatMap(({ id, event }) => {
    if (event.what !== 'spent') return [];
    const { at, host, side, group, until } = event;
    return [{ id, at: iso(at), host: printable(host), side, group: printable(group, longestId), until: iso(until) }];
  });
  return { count: spent.length, first: spent.slice(0, max) };
}

/** What to do about a code; empty for one that this program does not know. */
export function remedyOf(code: string): string {
  return errorRow(code as ErrorCode)?.remedy ?? '';
}

function named(event: { id: string; at: number; account: string; group: string; run: string }): Named {
  const { id, at, account, group, run } = event;
  const shown = { account: printable(account, longestId), group: printable(group, longestId) };
  return { id, at: iso(at), ...shown, run };
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
