/** What the crash tests share: a program that dies at a step, the lanes that mail goes along, and the comparison. */
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import type { CrashStep } from '../../src/ground/crash-point.ts';
import { Random } from '../bench/random.ts';
import {
  dovecotRow,
  type Ended,
  expectReport,
  expectScriptedUntouched,
  expectUntouched,
  type Haul,
  HaulRig,
  type Row,
  scriptedRow,
} from '../flow/haul-rig.ts';
import type { RedisServer } from '../servers/redis.ts';
import type { ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { compareMailboxes, mailboxContents, popContents } from '../servers/witness.ts';
import { type CrashMessage, crashMail, distinct } from './crash-mail.ts';

/** What a destination can and cannot do. */
export interface Form {
  readonly name: string;
  readonly multiAppend: boolean;
  readonly behaviour: ImapBehaviour;
}

/** The scripted destinations: with and without UIDPLUS and MULTIAPPEND, and one that can do nothing beyond IMAP4rev1. */
export const forms: readonly Form[] = [
  formOf('MULTIAPPEND, UIDPLUS', ['LITERAL+', 'MULTIAPPEND', 'UIDPLUS']),
  formOf('MULTIAPPEND alone', ['LITERAL+', 'MULTIAPPEND']),
  formOf('UIDPLUS alone', ['LITERAL+', 'UIDPLUS']),
  formOf('neither, and synchronising literals', []),
];

function formOf(name: string, more: readonly string[]): Form {
  const behaviour: ImapBehaviour = {
    capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'SPECIAL-USE', ...more],
  };
  if (!more.includes('UIDPLUS')) behaviour.appendUid = () => undefined;
  return { name, multiAppend: more.includes('MULTIAPPEND'), behaviour };
}

/** One account: its line in the list, and how its two mailboxes are compared. */
export interface Lane {
  readonly id: string;
  readonly multiAppend: boolean;
  readonly row: Row;
  /** How many messages the source lists. */
  readonly count: number;
  /** Fails unless everything arrived once and unchanged, and the source is as it was. */
  expectEqual(): Promise<void>;
}

/** A lane whose servers can be told what to do. */
export interface ScriptedLane extends Lane {
  readonly imap: ScriptedImap;
  readonly messages: readonly CrashMessage[];
  /** What others deliver into the mailbox belongs there too. */
  readonly foreign: CrashMessage[];
}

/** Messages of a lane. */
export const laneMessages = 24;

/** A lane between two scripted servers: what arrives is compared byte by byte. */
export async function scriptedLane(rig: HaulRig, form: Form, name: string, seed: number): Promise<ScriptedLane> {
  const { multiAppend, behaviour } = form;
  const messages = crashMail('mail', laneMessages, new Random(seed));
  const foreign: CrashMessage[] = [];
  const id = `${form.name} ${name}`.replaceAll(/\W+/g, '-');
  const pop = await rig.pop({ messages: [...messages], user: id });
  const imap = await rig.imap({ ...behaviour });
  return {
    id,
    imap,
    messages,
    foreign,
    multiAppend,
    // The port is no part of an account's name: each lane has users of its own.
    row: scriptedRow(pop, imap, { id, pop_user: id, imap_user: id }),
    count: laneMessages,
    expectEqual: async () => {
      expectStored(imap, [...messages, ...foreign], id);
      await expectScriptedUntouched(pop);
    },
  };
}

/** Exactly the distinct messages are stored, in any order. */
export function expectStored(imap: ScriptedImap, messages: readonly CrashMessage[], where = ''): void {
  const sorted = (buffers: readonly Buffer[]) => buffers.map((bytes) => bytes.toString('latin1')).sort();
  expect(sorted(imap.stored()), where).toEqual(sorted(distinct(messages)));
}

/** A lane of one user between two Dovecots. */
export async function dovecotLane(from: Dovecot, to: Dovecot, user: string, seed: number): Promise<Lane> {
  const messages = crashMail(user, laneMessages, new Random(seed));
  await deliver({ server: from, user }, messages);
  const login = { user, password: 'pw' };
  return {
    id: user,
    multiAppend: true,
    row: dovecotRow(from, to, user, { id: user }),
    count: laneMessages,
    expectEqual: async () => {
      const arrived = mailboxContents({ ...login, port: to.imapPort });
      const wanted = distinct(messages).map((bytes) => ({ bytes }));
      expect(await compareMailboxes(wanted, arrived)).toMatchObject({ missing: 0, extra: 0, doubled: 0 });
      const source = popContents({ ...login, port: from.popPort });
      expect(await compareMailboxes(messages, source)).toMatchObject({ missing: 0, extra: 0, doubled: 0 });
      await expectUntouched({ ...login, port: from.popPort }, laneMessages);
    },
  };
}

/** The program on one Redis of its own, which outlives its deaths. */
export class CrashRig {
  readonly haul: HaulRig;
  readonly redis: RedisServer;

  private constructor(haul: HaulRig, redis: RedisServer) {
    this.haul = haul;
    this.redis = redis;
  }

  /** Makes one whose batches hold so many messages. */
  static async make(settings: Readonly<Record<string, string>> = {}): Promise<CrashRig> {
    const haul = await HaulRig.make();
    await haul.settings({ batchMaxMessages: '6', leaseMs: '1000', ...settings });
    return new CrashRig(haul, await haul.redis());
  }

  /** Starts `sync`; `at` is the step at which it is to die. */
  startSync(list: string, args: readonly string[] = [], at = '', dataDir = this.haul.dataDir): Haul {
    return this.#start(['sync', list, '--json', ...args], at, dataDir);
  }

  /** Starts the workers of some roles. */
  startWorker(list: string, roles: string, at = '', dataDir = this.haul.dataDir): Haul {
    return this.#start(['start', list, '--roles', roles], at, dataDir);
  }

  #start(words: readonly string[], at: string, dataDir: string): Haul {
    const settings = join(this.haul.directory, 'settings.yaml');
    const fixed = ['--config', settings, '--data-dir', dataDir, '--redis', this.redis.url];
    return this.haul.haul([...words, ...fixed], at === '' ? {} : { MAILHAUL_CRASH_AT: at });
  }

  /** Runs one account until it dies at a step, which it must. */
  async dies(list: string, account: string, step: CrashStep, times: number): Promise<void> {
    const haul = this.startSync(list, ['--account', account], `${step}:${times}`);
    await expectDeath(haul, `${account} at ${step}:${times}`);
  }

  /** Runs everything to its end: all that the lanes list is there once, and one more run appends nothing. */
  async finishes(list: string, lanes: readonly Lane[]): Promise<Ended> {
    const ended = await this.startSync(list).ended;
    expect(ended.status, ended.stderr + ended.stdout).toBe(0);
    for (const account of expectReport(ended).accounts) {
      const lane = lanes.find(({ id }) => id === account.id)!;
      const { listed, known, appended, duplicate } = account.messages;
      expect(account.state).toBe('complete');
      expect(listed).toBe(lane.count);
      expect(known + appended + duplicate, JSON.stringify(account)).toBe(lane.count);
    }
    for (const lane of lanes) await lane.expectEqual();
    const again = expectReport(await this.startSync(list).ended);
    for (const { id, messages } of again.accounts) {
      const { count } = lanes.find((lane) => lane.id === id)!;
      expect(messages).toMatchObject({ listed: count, known: count, appended: 0, duplicate: 0, pending: 0 });
    }
    for (const lane of lanes) await lane.expectEqual();
    return ended;
  }

  end(): Promise<void> {
    return this.haul.end();
  }
}

/** The program dies by the signal of its crash point, not by the patience of the tests. */
export async function expectDeath(haul: Haul, where: string): Promise<void> {
  const ended = await haul.ended;
  expect(haul.child.signalCode, `${where}: ${ended.stdout}${ended.stderr}`).toBe('SIGKILL');
  expect(ended.stderr, where).not.toContain('killed by the test');
}

/** A run that goes on alone completes, and the one after it appends nothing. */
export async function expectCalm(
  rig: CrashRig,
  list: string,
  { pop, imap, messages }: { pop: ScriptedPop3; imap: ScriptedImap; messages: readonly CrashMessage[] },
): Promise<void> {
  const ended = await rig.startSync(list).ended;
  expect(ended.status, ended.stdout + ended.stderr).toBe(0);
  expect(expectReport(ended).accounts[0]!.state).toBe('complete');
  expectStored(imap, messages);
  const again = await rig.startSync(list).ended;
  const all = { listed: messages.length, known: messages.length, appended: 0, duplicate: 0 };
  expect(expectReport(again).totals.messages).toMatchObject(all);
  expectStored(imap, messages);
  await expectScriptedUntouched(pop);
}
