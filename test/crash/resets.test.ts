/**
 * The connection to the source or to the destination is reset after so many bytes, for every number of bytes of a short
 * session. Each number is an account of its own, so that one run of the program tries hundreds of them.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { expectReport, HaulRig, scriptedRow } from '../flow/haul-rig.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Direction, UnkindLine } from '../servers/unkind-line.ts';
import { compareMailboxes, mailboxContents } from '../servers/witness.ts';

/** Two small messages: one with a line that begins with a dot, one without Message-ID. */
const messages = ['Message-ID: <1@x>\r\n\r\n.a\r\n', 'Subject: b\r\n\r\nb\r\n'].map((text, at) => ({
  uidl: `u${at}`,
  bytes: Buffer.from(text),
}));
/** Servers of few words, which keep the session short. */
const terse = {
  pop: { capabilities: ['UIDL', 'PIPELINING', 'USER'], greeting: '+OK\r\n' },
  imap: { capabilities: ['IMAP4rev1', 'LITERAL+', 'MULTIAPPEND', 'UIDPLUS'], greeting: '* OK' },
};
/** The answers to LOGOUT on both connections. Where a machine is busy, a client that has said it hangs up without them. */
const farewellBytes = 2 * '* BYE good bye\r\ntag12 OK done\r\n'.length;
const dovecotSample = 20;
const accountsAtOnce = 320;
const sides = ['source', 'destination'] as const;

/** An account whose line on one side breaks. */
interface Lane {
  readonly id: string;
  readonly line: UnkindLine;
  readonly pop: ScriptedPop3;
  readonly imap: ScriptedImap;
  readonly row: ReturnType<typeof scriptedRow>;
  close(): Promise<unknown>;
}

let rig: HaulRig;
let redis: string;

beforeEach(async () => {
  rig = await HaulRig.make();
  await rig.settings({
    popSessions: '16',
    imapSessions: '16',
    retryWaitsMs: '[1, 5, 20]',
    inDoubtWaitsMs: '[0, 5]',
    appendIdleMs: '30',
  });
  redis = (await rig.redis()).url;
});

afterEach(() => rig.end());

async function lane(side: (typeof sides)[number], reset?: { direction: Direction; afterBytes: number }): Promise<Lane> {
  const id = reset ? `${side}-${reset.direction}-${reset.afterBytes}` : `${side}-whole`;
  const pop = await ScriptedPop3.start({ messages: [...messages], user: id, ...terse.pop });
  const imap = await ScriptedImap.start(terse.imap);
  const line = await UnkindLine.start((side === 'source' ? pop : imap).port, reset && { reset });
  const row = scriptedRow(side === 'source' ? line : pop, side === 'source' ? imap : line, {
    id,
    pop_user: id,
    imap_user: id,
  });
  return { id, line, pop, imap, row, close: () => Promise.all([line.close(), pop.close(), imap.stop()]) };
}

async function haul(lanes: readonly Pick<Lane, 'row'>[]): Promise<Report> {
  const list = await rig.list(lanes.map(({ row }) => row));
  return expectReport(await rig.sync(list, ['--json', '--redis', redis]));
}

/** The first run gets over the resets by itself, and the second finds nothing to do. */
async function expectCarried(lanes: readonly Lane[]): Promise<void> {
  const first = await haul(lanes);
  const odd = first.accounts.filter(({ state, problems }) => state !== 'complete' || problems.length > 0);
  expect(odd).toEqual([]);
  for (const { id, imap } of lanes)
    expect(imap.stored().map(String), id).toEqual(messages.map(({ bytes }) => String(bytes)));
  const again = await haul(lanes);
  const count = messages.length * lanes.length;
  expect(again.totals.messages).toMatchObject({ listed: count, known: count, appended: 0, duplicate: 0 });
  for (const { id, imap } of lanes) expect(imap.stored(), id).toHaveLength(messages.length);
}

describe.each(sides)('the connection to the %s is reset after n bytes', (side) => {
  test.each(['up', 'down'] as const)(
    '%s, for every n of a short session',
    async (direction) => {
      const whole = await lane(side);
      await haul([whole]);
      const length = whole.line.carried[direction];
      await whole.close();
      expect(length).toBeGreaterThan(100);
      for (let n = 0; n < length; n += accountsAtOnce) {
        const many = Math.min(accountsAtOnce, length - n);
        const lanes = await Promise.all(
          Array.from({ length: many }, (_, at) => lane(side, { direction, afterBytes: n + at })),
        );
        await expectCarried(lanes);
        const heard = lanes.filter((_, at) => n + at < length - farewellBytes);
        expect(heard.filter(({ line }) => line.resets !== 1).map(({ id }) => id)).toEqual([]);
        await Promise.all(lanes.map((one) => one.close()));
      }
    },
    240_000,
  );
});

/** Answers of a real server vary by some bytes from session to session, so a sample stands for all. */
test('the connection to Dovecot is reset after n bytes, for some n in both directions', async () => {
  const dovecot = await rig.dovecot({ protocols: ['imap'] });
  const imapLane = async (id: string, reset?: { direction: Direction; afterBytes: number }) => {
    const pop = await rig.pop({ messages: [...messages], user: id });
    const line = await UnkindLine.start(dovecot.imapPort, reset && { reset });
    rig.atEnd(() => line.close());
    return {
      line,
      row: scriptedRow(pop, line, { id, pop_user: id, imap_user: id }),
      login: { user: id, password: 'pw', port: dovecot.imapPort },
    };
  };
  const whole = await imapLane('whole');
  await haul([whole]);
  const lanes: Awaited<ReturnType<typeof imapLane>>[] = [];
  for (const direction of ['up', 'down'] as const) {
    const length = whole.line.carried[direction];
    for (let at = 0; at < dovecotSample; at += 1) {
      // The last twentieth is where LOGOUT is answered.
      const afterBytes = Math.floor((at * length) / dovecotSample);
      lanes.push(await imapLane(`${direction}-${afterBytes}`, { direction, afterBytes }));
    }
  }
  const first = await haul(lanes);
  expect(first.accounts.filter(({ state, problems }) => state !== 'complete' || problems.length > 0)).toEqual([]);
  expect(lanes.every(({ line }) => line.resets === 1)).toBe(true);
  const again = await haul(lanes);
  expect(again.totals.messages).toMatchObject({ listed: 2 * lanes.length, known: 2 * lanes.length, appended: 0 });
  for (const { login } of lanes) {
    const verdict = await compareMailboxes(messages, mailboxContents(login));
    expect(verdict, login.user).toMatchObject({ exact: 2, missing: 0, extra: 0, doubled: 0 });
  }
}, 120_000);
