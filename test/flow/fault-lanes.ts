/** Accounts with a fault each, hauled by one run instead of one run an account: they know nothing of each other. */
import { expect } from 'vitest';
import type { AccountReport } from '../../src/report/report.ts';
import type { ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ended, expectReport, expectScriptedUntouched, type HaulRig, type Row, scriptedRow } from './haul-rig.ts';

/** What is wrong with the servers of an account. */
export interface Fault {
  readonly pop?: PopBehaviour;
  readonly imap?: ImapBehaviour;
  /** Columns of its line in the list, while it is wrong and afterwards. */
  readonly row?: Row;
  readonly healedRow?: Row;
}

/** One account after a run: what the report says of it, and what was stored by then. */
export interface Outcome {
  readonly account: AccountReport;
  readonly stored: readonly Buffer[];
  /** The command lines that the source had seen by then. */
  readonly asked: readonly string[];
  /** And those that the destination had seen. */
  readonly told: readonly string[];
}

interface Lane {
  readonly pop: ScriptedPop3;
  readonly imap: ScriptedImap;
  readonly messages: NonNullable<PopBehaviour['messages']>;
  row: Row;
  readonly healedRow: Row;
}

/** Accounts between two scripted servers each, by what is wrong with them. */
export class FaultLanes {
  readonly #rig: HaulRig;
  readonly #lanes: ReadonlyMap<string, Lane>;

  private constructor(rig: HaulRig, lanes: ReadonlyMap<string, Lane>) {
    this.#rig = rig;
    this.#lanes = lanes;
  }

  static async start(
    rig: HaulRig,
    faults: Readonly<Record<string, Fault>>,
    messages: NonNullable<PopBehaviour['messages']>,
  ): Promise<FaultLanes> {
    const lanes = new Map<string, Lane>();
    for (const [name, fault] of Object.entries(faults)) {
      // The port is no part of an account's name: each lane has users of its own.
      const user = `lane${lanes.size}`;
      const pop = await rig.pop({ messages, user, ...fault.pop });
      const imap = await rig.imap(fault.imap);
      const row = scriptedRow(pop, imap, { id: user, pop_user: user, imap_user: user });
      const rows = { row: { ...row, ...fault.row }, healedRow: { ...row, ...fault.healedRow } };
      lanes.set(name, { pop, imap, messages: pop.behaviour.messages!, ...rows });
    }
    return new FaultLanes(rig, lanes);
  }

  /** Hauls all of them once. */
  async haul(env: NodeJS.ProcessEnv = {}): Promise<{ ended: Ended; of: ReadonlyMap<string, Outcome> }> {
    const list = await this.#rig.list([...this.#lanes.values()].map(({ row }) => row));
    const ended = await this.#rig.sync(list, ['--json'], env);
    const { accounts } = expectReport(ended);
    expect(accounts).toHaveLength(this.#lanes.size);
    const outcomes = [...this.#lanes].map(([name, { pop, imap }], at) => {
      const account = accounts.find(({ id }) => id === `lane${at}`)!;
      const told = imap.connections.flatMap(({ commands }) => commands);
      return [name, { account, stored: imap.stored(), asked: [...pop.transcript], told }] as const;
    });
    return { ended, of: new Map(outcomes) };
  }

  /** Ends all faults. */
  heal(): void {
    for (const lane of this.#lanes.values()) {
      const { pop, imap } = lane;
      lane.row = lane.healedRow;
      for (const name of ['hangAt', 'stall', 'cut', 'replies', 'greeting'] as const) delete pop.behaviour[name];
      for (const name of ['drop', 'hang', 'refuse'] as const) delete imap.behaviour[name];
    }
  }

  /** Exactly the messages of the lane's source are there, byte for byte, once each, in whatever order. */
  expectStored(name: string, { stored }: Outcome, but: readonly number[] = []): void {
    const wanted = this.#lane(name)
      .messages.filter((_, at) => !but.includes(at))
      .map(({ bytes }) => bytes);
    expect(stored).toHaveLength(wanted.length);
    const sorted = (all: readonly Buffer[]) => Buffer.concat([...all].sort(Buffer.compare));
    expect(sorted(stored).equals(sorted(wanted))).toBe(true);
  }

  /** The lane was carried by one run, and the one after it carried nothing more. */
  async expectCarried(name: string, next: Outcome, again: Outcome): Promise<void> {
    const { pop, messages } = this.#lane(name);
    expect(next.account.state).toBe('complete');
    this.expectStored(name, next);
    expect(again.account.messages).toMatchObject({ known: messages.length, appended: 0, duplicate: 0 });
    this.expectStored(name, again);
    // The independent client speaks no TLS.
    if (!pop.behaviour.implicitTls) await expectScriptedUntouched(pop);
  }

  async expectUntouched(name: string): Promise<void> {
    await expectScriptedUntouched(this.#lane(name).pop);
  }

  #lane(name: string): Lane {
    return this.#lanes.get(name)!;
  }
}
