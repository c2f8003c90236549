/** What happened, as it waits in the outbox: ids, codes and counts, and never a secret or a word of anybody's mail. */
import type { NotifiedEvent, NotifyTarget } from '../ground/settings-notify.ts';
import type { RunState } from '../ledger/run.ts';
import type { MessageCounts } from '../report/report.ts';

/** How many runs ended in which state. */
export type EndedStates = Readonly<Partial<Record<RunState, number>>>;

/** Whose it is. */
export interface ToldAccount {
  readonly account: string;
  readonly group: string;
  readonly run: string;
}

/** A run of an account ended. */
export interface EndedEvent extends ToldAccount {
  readonly what: 'ended';
  readonly at: number;
  readonly state: RunState;
  readonly messages: MessageCounts;
}

/** A run waits for a person. */
export interface NeedsEvent extends ToldAccount {
  readonly what: 'needs';
  readonly at: number;
}

/** No run is open any more: of a group, or of all with `group` null. */
export interface FinishedEvent {
  readonly what: 'finished';
  readonly at: number;
  readonly group: string | null;
  /** True for a group that is told in the same breath as all. */
  readonly within: boolean;
}

/** A daily budget is used up. */
export interface SpentEvent {
  readonly what: 'spent';
  readonly at: number;
  readonly host: string;
  readonly side: 'source' | 'destination';
  /** When the first account that it stopped goes on; milliseconds since 1970, as all times here. */
  readonly until: number;
  readonly group: string;
}

/** What is put into the outbox. */
export type OutboxEvent = EndedEvent | NeedsEvent | FinishedEvent | SpentEvent;

/** What stands there. */
export interface OutboxEntry {
  /** Id in the stream: stable, and in the order of the events. */
  readonly id: string;
  /** Number of the event since there is an outbox, without gaps. */
  readonly number: number;
  readonly event: OutboxEvent;
  /** Why the account needs a person; empty where it does not, or that was told before. */
  readonly code: string;
  /** Of an event `finished`. */
  readonly states: EndedStates;
}

const kindsOf: Readonly<Record<OutboxEvent['what'], readonly NotifiedEvent[]>> = {
  ended: ['account-finished', 'account-needs-person'],
  needs: ['account-needs-person'],
  finished: ['run-finished'],
  spent: ['budget-pause'],
};

/** As which kinds of events a target is told of an entry; none where it does not want it. */
export function toldKinds(
  { event, code }: OutboxEntry,
  { events, groups }: Pick<NotifyTarget, 'events' | 'groups'>,
): NotifiedEvent[] {
  if (groups ? event.group === null || !groups.includes(event.group) : event.what === 'finished' && event.within) {
    return [];
  }
  return kindsOf[event.what].filter(
    (kind) => events.includes(kind) && (kind !== 'account-needs-person' || code !== ''),
  );
}
