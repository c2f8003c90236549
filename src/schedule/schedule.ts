/** The schedule of an account: what the settings say of it, read into plain data. */
import { strangersIn } from '../ground/settings-rules.ts';
import {
  type Recurrence,
  readTime,
  readWhen,
  readWindow,
  type ScheduleFields,
  type Schedules,
  type Window,
} from '../ground/settings-schedules.ts';
import { instantOf, machineZone } from './zone.ts';

/** When an account runs. Times are milliseconds since 1970. */
export interface Schedule {
  readonly when: Recurrence;
  /** Outside of these nothing is under way; empty: always open. */
  readonly windows: readonly Window[];
  /** IANA name. */
  readonly zone: string;
  /** Higher first. */
  readonly priority: number;
  /** No run begins before. */
  readonly startAt: number | null;
  /** One run begins then, whatever the rest says; only runs from then on count as clean. */
  readonly cutOverAt: number | null;
  /** After so many clean runs in a row there are no more; 0 for never. */
  readonly stopAfterCleanRuns: number;
}

/** What of an account decides about its schedule. */
export interface ScheduleOwner {
  readonly id: string;
  readonly group: string;
}

/** The fields that hold for an account: those of its own, else of its group, else the default. */
export function scheduleFields(schedules: Schedules, { id, group }: ScheduleOwner): ScheduleFields {
  const own = Object.hasOwn(schedules.accounts, id) ? schedules.accounts[id] : undefined;
  const groups = Object.hasOwn(schedules.groups, group) ? schedules.groups[group] : undefined;
  // A name without fields is as good as no name: exactOptionalPropertyTypes allows no undefined here.
  return { ...schedules.default, ...groups, ...own } as ScheduleFields;
}

/** Reads fields that the settings' schema has found right. */
export function readSchedule(fields: ScheduleFields): Schedule {
  const zone = fields.zone ?? machineZone();
  const time = (text: string | null): number | null => {
    const written = text === null ? undefined : readTime(text);
    if (!written) return null;
    return written.kind === 'instant' ? written.ms : instantOf(written.day, written.minutes, zone);
  };
  return {
    when: readWhen(fields.when),
    windows: fields.windows.map(readWindow),
    zone,
    priority: fields.priority,
    startAt: time(fields.startAt),
    cutOverAt: time(fields.cutOverAt),
    stopAfterCleanRuns: fields.stopAfterCleanRuns,
  };
}

/** The schedules of accounts; those with the same fields share one, so that 10,000 accounts cost a few. */
export class ScheduleBook {
  readonly #schedules: Schedules;
  readonly #read = new Map<string, Schedule>();

  constructor(schedules: Schedules) {
    this.#schedules = schedules;
  }

  /** The schedule of an account. */
  of(owner: ScheduleOwner): Schedule {
    const { group } = owner;
    const own = Object.hasOwn(this.#schedules.accounts, owner.id);
    const name = own ? `account ${owner.id}` : `group ${Object.hasOwn(this.#schedules.groups, group) ? group : ''}`;
    const known = this.#read.get(own ? `${name} ${group}` : name);
    if (known) return known;
    const schedule = readSchedule(scheduleFields(this.#schedules, owner));
    this.#read.set(own ? `${name} ${group}` : name, schedule);
    return schedule;
  }

  /** Groups and accounts that the settings name and no account has: misspelt, or not imported yet. */
  strangers(owners: readonly ScheduleOwner[]): { groups: string[]; accounts: string[] } {
    return strangersIn(this.#schedules, owners);
  }
}
