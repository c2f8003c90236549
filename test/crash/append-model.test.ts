/** The append protocol as a pure model, through random interleavings: never lost, never doubled (design §8). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dedupe } from '../../src/append/twins.ts';
import { ModelSession } from './model-session.ts';
import { type ModelMessage, type ModelServer, type Weakness, World } from './model-world.ts';

interface Scenario {
  readonly server: ModelServer;
  readonly batches: readonly (readonly ModelMessage[])[];
  readonly choices: readonly number[];
}

/** Few marks and contents, so that twins are frequent. Messages of one mark have a Message-ID or have none. */
const message = fc.record({ mark: fc.integer({ min: 1, max: 3 }), content: fc.integer({ min: 1, max: 3 }) });
const scenario: fc.Arbitrary<Scenario> = fc.record({
  server: fc.record({ uidPlus: fc.boolean(), perCommand: fc.integer({ min: 1, max: 3 }) }),
  batches: fc
    .tuple(fc.array(fc.array(message, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([batches, hasMessageId]) => {
      let owner = 0;
      return batches.map((batch) => batch.map((one) => ({ ...one, owner: ++owner, hasMessageId })));
    }),
  choices: fc.array(fc.nat(999), { maxLength: 250, size: 'max' }),
});

/** One interleaving: what happens next is chosen while choices last, and then everything goes well to its end. */
class Interleaving {
  readonly world: World;
  readonly #foreign: boolean;
  #sessions: ModelSession[] = [];
  #tokens = 0;

  constructor({ server, batches }: Scenario, weakness: Weakness, foreign: boolean, dedupe: Dedupe) {
    this.world = new World(server, batches, weakness, dedupe);
    this.#foreign = foreign;
  }

  play(choices: readonly number[]): World {
    for (const choice of choices) this.#act(choice);
    // What the server still does, it does before anybody looks for the last time.
    for (const session of this.#sessions) session.fail();
    while (this.world.orphans.length > 0) this.world.endOrphan(0, choices.length);
    this.#sessions = [];
    for (let turns = 0; turns < 3; turns += 1) this.#calm(new ModelSession(this.world, ++this.#tokens));
    return this.world;
  }

  #act(choice: number): void {
    const session = this.#sessions.at(-1);
    const sleeper = this.#sessions.length > 1 ? this.#sessions[0] : undefined;
    const [kind, detail] = [choice % 16, Math.floor(choice / 16)];
    if (!session || session.over) this.#begin();
    else if (kind === 0) this.#end(session);
    else if (kind === 1 && session.state !== 'closing') this.#begin();
    else if (kind === 2 && this.#foreign) this.#deliver(detail);
    else if (kind === 3 && this.world.orphans.length > 0) this.world.endOrphan(0, detail);
    else if (kind === 4 && sleeper) this.#serve(sleeper, detail);
    else if (kind < 7 && sleeper) this.#advance(sleeper, detail);
    else if (kind < 9) this.#serve(session, detail);
    else this.#advance(session, detail);
  }

  /** Mail of others, which may look like ours. */
  #deliver(detail: number): void {
    this.world.store([{ mark: 1 + (detail % 3), content: 1 + (detail % 5), owner: 0 }]);
  }

  /** A new session takes over; the one before it may only be asleep. */
  #begin(): void {
    const asleep = this.#sessions.filter((session) => !session.over).slice(-1);
    for (const gone of this.#sessions) if (!asleep.includes(gone)) gone.fail();
    this.#sessions = [...asleep, new ModelSession(this.world, ++this.#tokens)];
  }

  /** The process dies: what it had received and not written is gone with it. */
  #end(session: ModelSession): void {
    session.fail();
    this.#sessions = this.#sessions.filter((other) => other !== session);
  }

  /** The server takes the oldest closed command: stores it whole, or in part and hangs up, or refuses it. */
  #serve(session: ModelSession, detail: number): void {
    const command = session.sent[0];
    if (!command) this.#advance(session, detail);
    else if (detail % 8 === 0) {
      for (const { owner } of command.messages) this.world.refused.add(owner);
      session.receive('refused', undefined, true);
    } else if (detail % 8 === 1) {
      session.fail();
      this.world.endOrphan(this.world.orphans.length - 1, detail >> 3);
    } else {
      const uids = this.world.store(command.messages);
      session.receive('stored', this.world.server.uidPlus ? uids : undefined, detail % 2 === 0);
    }
  }

  #advance(session: ModelSession, detail: number): void {
    const answer = session.answers[0];
    if (answer && detail % 2 === 0) {
      if (answer.next().done) session.answers.shift();
    } else if (!session.over) {
      if (session.state === 'last-look') this.#serveAll(session, detail);
      const next = session.main.next();
      if (next.done) session.over = true;
      else session.state = next.value;
    }
  }

  /** Before somebody looks for the last time the server has done all that it will ever do with what it had got. */
  #serveAll(looking: ModelSession, how: number): void {
    for (const other of this.#sessions) while (other !== looking && other.sent.length > 0) this.#serve(other, how);
    const { orphans } = this.world;
    for (let at = orphans.length - 1; at >= 0; at -= 1) {
      if (orphans[at]!.batch === looking.batch) this.world.endOrphan(at, how + at);
    }
  }

  #calm(session: ModelSession): void {
    for (let steps = 0; !session.over; steps += 1) {
      if (steps > 5000) throw new Error('the session does not come to its end');
      if (session.sent.length > 0) this.#serve(session, 2);
      while (session.answers.length > 0) if (session.answers[0]!.next().done) session.answers.shift();
      this.#advance(session, 1);
    }
  }
}

/**
 * What is wrong at the end. Mail of others that agrees in all four headers counts as the message (design §8). With
 * Message-ID alone all messages of one mark are one. Without twins each is one of its own, except that one of several
 * identical copies in doubt may be taken for another. Of identical copies one of which was refused for a while each may
 * arrive: that is the corner which docs/failures.md tells of, and which a test below shows.
 */
function faults({ batches, stored, settled, dedupe, refused }: World): string[] {
  const wrong: string[] = [];
  const messages = batches.flat();
  for (const { owner, mark, content, hasMessageId } of messages) {
    const alike = stored.filter((one) => one.mark === mark);
    const equal = alike.filter((one) => one.content === content);
    const byId = dedupe === 'message-id' && hasMessageId;
    const arrived = byId
      ? alike.length > 0
      : equal.length > 0 || (hasMessageId && alike.some((one) => one.owner === 0));
    const same = messages.filter((one) => one.mark === mark && (byId || one.content === content));
    const most = dedupe === 'off' || same.some((one) => refused.has(one.owner)) ? same.length : 1;
    if (!settled.has(owner)) wrong.push(`${owner} is not settled`);
    if (!arrived) wrong.push(`${owner} is lost`);
    if ((byId ? alike : equal).filter((one) => one.owner !== 0).length > most) wrong.push(`${owner} is doubled`);
  }
  return wrong;
}

function play(one: Scenario, weakness: Weakness = {}, foreign = false, dedupe: Dedupe = 'confirmed'): string[] {
  return faults(new Interleaving(one, weakness, foreign, dedupe).play(one.choices));
}

const numRuns = Number(process.env['MAILHAUL_MODEL_RUNS'] ?? 3000);

describe('the append protocol in any interleaving', () => {
  it('loses nothing and doubles nothing', () => {
    fc.assert(
      fc.property(scenario, (one) => {
        expect(play(one)).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('has one corner: a copy that was refused goes once more while the other is in doubt and is stored late', () => {
    const copy = { mark: 2, content: 1, hasMessageId: false };
    const batches = [[{ ...copy, owner: 1 }], [{ ...copy, owner: 2 }]];
    // The refusal is not yet written when the other copy is sent; that session dies, the next begins, then both are stored.
    const choices = [
      0, 2, 194, 2, 114, 2, 2, 2, 1, 386, 66, 50, 82, 18, 18, 82, 305, 905, 0, 546, 2, 66, 2, 274, 2, 2, 2, 2, 2, 36,
    ];
    const one = { server: { uidPlus: false, perCommand: 1 }, batches, choices };
    const { stored, settled } = new Interleaving(one, {}, false, 'confirmed').play(choices);
    expect([stored.length, settled.size]).toEqual([2, 2]);
  });

  it('loses nothing and doubles nothing while others deliver', () => {
    fc.assert(
      fc.property(scenario, (one) => {
        expect(play(one, {}, true)).toEqual([]);
      }),
      { numRuns },
    );
  });
});

describe.each(['message-id', 'off'] as const)('with dedupe: %s', (dedupe) => {
  it.each([false, true])('it does neither; others deliver: %s', (foreign) => {
    fc.assert(
      fc.property(scenario, (one) => {
        expect(play(one, {}, foreign, dedupe)).toEqual([]);
      }),
      { numRuns: Math.ceil(numRuns / 3) },
    );
  });

  it('the model finds what doubt without an intent would do', () => {
    const property = fc.property(scenario, (one) => play(one, { noIntent: true }, false, dedupe).length === 0);
    expect(fc.check(property, { numRuns, seed: 1 }).failed).toBe(true);
  });
});

describe('the model finds what a missing protection would do', () => {
  const weaknesses: Weakness[] = [{ noIntent: true }, { noFence: true }, { noTwins: true }, { noWaiting: true }];

  it.each(weaknesses)('%o', (weakness) => {
    const found = fc.check(
      fc.property(scenario, (one) => play(one, weakness).length === 0),
      { numRuns, seed: 1 },
    );
    expect(found.failed).toBe(true);
  });
});
