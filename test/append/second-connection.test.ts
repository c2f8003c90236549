/** A second connection to a server that is slower than the line (decision 0024): mail keeps its order, and is stored once. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ChannelPool, type PoolOptions } from '../../src/append/channel-pool.ts';
import { ExtraConnections } from '../../src/append/extra-connections.ts';
import { KeptConnections } from '../../src/append/kept.ts';
import { AppendChannel, type AppendHandle, type AppendOutcome } from '../../src/imap/append-channel.ts';
import { command, endpoint, expectBytes, mail, message, quick } from '../imap/imap-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { until } from '../pop3/sessions.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { SessionRig, mail as sessionMail } from './session-rig.ts';

const ends: (() => Promise<void>)[] = [];
const slow: ImapBehaviour = { storeMs: 8 };
const commands = 24;
const perCommand = 4;
/** Or else all of this little mail were with the first connection before anything is known of the server. */
const appendPipelineCommands = 2;

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function rig(behaviour: ImapBehaviour, options: Partial<PoolOptions> = {}) {
  const imap = await ScriptedImap.start(behaviour);
  const opened: AppendChannel[] = [];
  const open = async () => {
    opened.push(await AppendChannel.open(endpoint(imap.port), { ...quick, appendPipelineCommands }));
    return opened.at(-1)!;
  };
  const pool = new ChannelPool(await open(), {
    again: open,
    another: open,
    beside: open,
    max: 4,
    peer: { host: 'imap.example', user: 'ann' },
    oneAtATime: false,
    onCut: () => {},
    ...options,
  });
  ends.push(async () => {
    pool.destroy();
    await imap.stop();
  });
  await pool.select('INBOX');
  return { imap, pool, opened };
}

/** The messages of command `n`; every fourth command is much larger than the others. */
function mails(n: number): Buffer[] {
  return Array.from({ length: perCommand }, (_, at) => mail(n * perCommand + at, n % 4 === 0 ? 60_000 : 300));
}

const all = Array.from({ length: commands }, (_, n) => mails(n));

/** Gives all commands, one behind the other, as a session does. */
async function giveAll(pool: ChannelPool, given = all): Promise<AppendHandle[]> {
  const handles: AppendHandle[] = [];
  for (const batch of given) handles.push(await pool.append(command(batch.map((bytes) => message(bytes)))));
  return handles;
}

const outcomes = (handles: readonly AppendHandle[]) => Promise.all(handles.map(({ done }) => done));
const kinds = (given: readonly AppendOutcome[]) => new Set(given.map(({ kind }) => kind));
/** How many commands went over each connection. */
const shares = (imap: ScriptedImap) => imap.connections.map(({ appends }) => appends.length).filter(Boolean);

describe('a server that is slower than the line', () => {
  test('gets a second connection, and stores all mail once and in its order', async () => {
    const { imap, pool } = await rig(slow);
    expect(kinds(await outcomes(await giveAll(pool)))).toEqual(new Set(['stored']));
    expectBytes(imap.stored(), all.flat());
    expect(shares(imap)).toHaveLength(2);
    expect(Math.min(...shares(imap))).toBeGreaterThan(commands / 4);
    await pool.close();
    expect(imap.connections.map(({ commands: said }) => said.filter((text) => / LOGOUT$/.test(text)).length)).toEqual([
      1, 1,
    ]);
  });

  test('goes on with one where it gives no second', async () => {
    const beside = vi.fn(async () => {
      throw new Error('too many connections');
    });
    const { imap, pool } = await rig(slow, { beside });
    await outcomes(await giveAll(pool));
    expectBytes(imap.stored(), all.flat());
    expect([shares(imap), beside.mock.calls.length]).toEqual([[commands], 1]);
  });

  test('gets none where it takes one message in a command', async () => {
    const { imap, pool } = await rig({ ...slow, capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'LITERAL+'] });
    const singles = all.flat().map((bytes) => [bytes]);
    await outcomes(await giveAll(pool, singles));
    expectBytes(imap.stored(), all.flat());
    expect(shares(imap)).toHaveLength(1);
  });

  test('and refuses one command gets the next ones all the same', async () => {
    const bad = all[10]!;
    const refuse = ({ bytes }: { bytes: Buffer }) => (bytes.equals(bad[2]!) ? 'NO [LIMIT] not this one' : undefined);
    const { imap, pool } = await rig({ ...slow, refuse });
    const ended = await outcomes(await giveAll(pool));
    expect(ended.map(({ kind }) => kind === 'refused')).toEqual(all.map((batch) => batch === bad));
    expectBytes(imap.stored(), all.filter((batch) => batch !== bad).flat());
  });

  test('and refuses a command before its end gets the next ones all the same', async () => {
    const odd = mail(4711, 2222);
    const refuseEarly = ({ size }: { size: number }) => (size === odd.length ? 'NO [LIMIT] not this one' : undefined);
    const { imap, pool } = await rig({ ...slow, refuseEarly });
    const given = all.map((batch, n) => (n === 10 ? [odd, ...batch] : batch));
    const ended = await outcomes(await giveAll(pool, given));
    expect(ended.map(({ kind }) => kind === 'refused')).toEqual(all.map((_, n) => n === 10));
    expectBytes(imap.stored(), all.filter((_, n) => n !== 10).flat());
    expect(shares(imap)).toHaveLength(2);
  });

  test('is told the end of a command that has waited only after another look', async () => {
    const { imap, pool } = await rig(slow);
    const claimed: number[] = [];
    const stopped: number[] = [];
    const handles: AppendHandle[] = [];
    for (const [n, batch] of all.entries()) {
      const beforeClosing = async () => void claimed.push(n);
      const atClosing = () => {
        if (n < 12) return;
        stopped.push(n);
        throw new Error('the lease is another’s');
      };
      const messages = batch.map((bytes) => message(bytes));
      const handle = await pool.append(command(messages, { beforeClosing, atClosing })).catch(() => undefined);
      if (handle) handles.push(handle);
    }
    const ended = await Promise.allSettled(handles.map(({ done }) => done));
    const [first] = stopped;
    expect(claimed).toContain(first);
    expect(ended[first!]).toMatchObject({ reason: new Error('the lease is another’s') });
    expectBytes(imap.stored(), all.slice(0, first).flat());
  });

  test('is not used by the second connection once that has ended', async () => {
    const { imap, pool, opened } = await rig(slow);
    await outcomes(await giveAll(pool, all.slice(0, 12)));
    expect(shares(imap)).toHaveLength(2);
    imap.drop(1);
    await until(() => opened[1]!.ended);
    await outcomes(await giveAll(pool, all.slice(12)));
    expectBytes(imap.stored(), all.flat());
  });
});

test('what follows a command that got no answer is not stored', async () => {
  const lost = all[9]!;
  const drop = ({ bytes }: { bytes: Buffer }) => (bytes.equals(lost[0]!) ? ('after-storing' as const) : undefined);
  const { imap, pool } = await rig({ ...slow, drop });
  const ended = await Promise.allSettled((await giveAll(pool)).map(({ done }) => done));
  expect(shares(imap)).toHaveLength(2);
  expect(ended.findIndex(({ status }) => status === 'rejected')).toBe(9);
  expect(ended[9]).toMatchObject({ reason: { code: 'append-in-doubt' } });
  expect(ended.slice(10).map(({ status }) => status)).not.toContain('fulfilled');
  expectBytes(imap.stored(), all.slice(0, 10).flat());
});

test('a server that locks the mailbox for a command gets all mail, and one connection from then on', async () => {
  const { imap, pool } = await rig({ ...slow, locks: true }, { stuckAfterMs: 300 });
  expect(kinds(await outcomes(await giveAll(pool)))).toEqual(new Set(['stored']));
  expect(imap.stored().map(String).sort()).toEqual(all.flat().map(String).sort());
  const second = imap.connections[1]!.appends.length;
  expect(second).toBeLessThan(commands / 2);
  await outcomes(await giveAll(pool));
  expect(shares(imap)).toEqual([2 * commands - second, second]);
});

describe('a session', () => {
  const redis = useRedis();
  const mailOf = (from: number, to: number) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, at) => [`m${from + at}`, sessionMail(`m${from + at}`)]));
  const settings = { appendMaxMessages: perCommand, appendPipelineCommands };
  const said = (imap: ScriptedImap, verb: string) =>
    imap.connections.map(({ commands: lines }) => lines.filter((text) => text.split(' ')[1] === verb).length);

  test('leaves one connection of each kind to the next one, and logs out of the second', async () => {
    const made = await SessionRig.make(redis, slow, settings);
    const kept = new KeptConnections({ destinationIdleMs: 60_000, imapSessions: 2 });
    ends.push(async () => kept.close());
    Object.assign(made, { kept, extra: new ExtraConnections() });
    await made.spool(mailOf(0, 80));
    expect((await made.session()).run.appended).toBe(80);
    expect(shares(made.imap)).toHaveLength(2);
    await until(() => said(made.imap, 'LOGOUT').join() === '0,0,1');
    await made.spool(mailOf(80, 82));
    expect((await made.session()).run.appended).toBe(82);
    expect(made.imap.connections).toHaveLength(3);
    expect(made.imap.stored().map((bytes) => /Subject: (\S+)/.exec(String(bytes))![1])).toEqual(
      Object.keys(mailOf(0, 82)),
    );
  });

  test.each([
    ['connections to the host are limited', { connections: 9 }],
    ['logins are', { loginsPerSecond: 9 }],
  ])('has no second where %s', async (_, budget) => {
    const budgets = { default: {}, hosts: { '127.0.0.1': budget } };
    const made = await SessionRig.make(redis, slow, { ...settings, budgets } as never);
    Object.assign(made, { extra: new ExtraConnections() });
    await made.spool(mailOf(0, 80));
    expect((await made.session()).run.appended).toBe(80);
    expect(shares(made.imap)).toHaveLength(1);
  });

  test('has none where the settings allow one', async () => {
    const made = await SessionRig.make(redis, slow, { ...settings, appendConnectionsPerAccount: 1 });
    Object.assign(made, { extra: new ExtraConnections() });
    await made.spool(mailOf(0, 80));
    expect((await made.session()).run.appended).toBe(80);
    expect(shares(made.imap)).toHaveLength(1);
  });
});

test('a process has a few of them, and each that is given back once', () => {
  const extra = new ExtraConnections();
  const taken = Array.from({ length: 4 }, () => extra.take()!);
  expect(taken).not.toContain(undefined);
  expect(extra.take()).toBeUndefined();
  taken[0]!();
  taken[0]!();
  expect([extra.take(), extra.take()]).toEqual([expect.any(Function), undefined]);
});
