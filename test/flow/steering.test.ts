/** A service that is steered while it runs, by the commands that a person has (design §4). */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/demo/free-ports.ts';
import type { AccountDetail } from '../../src/operations/answers/account-status.ts';
import { DelayProxy } from '../bench/delay-proxy.ts';
import type { RedisServer } from '../servers/redis.ts';
import type { ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ended, expectReport, expectScriptedUntouched, type Haul, HaulRig, scriptedRow } from './haul-rig.ts';

const messages = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    bytes: Buffer.from(`Message-ID: <${at}@x>\r\nSubject: ${at}\r\n\r\n${'..\r\n\xfe'.repeat(at % 50)}\r\n`, 'latin1'),
    uidl: `u${at}`,
  }));

const settings = {
  batchMaxMessages: '10',
  popPipelineCommands: '8',
  pauseGraceMs: '400',
  // Nothing runs but what the test asks for.
  schedules: '{default: {startAt: "2099-01-01T00:00Z"}}',
};

let rig: HaulRig;
let redis: RedisServer;
let address: string;
let service: Haul;

beforeEach(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
  address = `127.0.0.1:${(await freePorts(1))[0]}`;
  await rig.settings(settings);
});

afterEach(() => rig.end());

interface Pair {
  pop: ScriptedPop3;
  imap: ScriptedImap;
  row: Record<string, string | number>;
}

/** Two servers and the line of an account on them; with `oneWayMs` they are far away, so that a run takes its time. */
async function pair(id: string, pop: PopBehaviour, imap: ImapBehaviour = {}, oneWayMs = 0): Promise<Pair> {
  const servers = { pop: await rig.pop(pop), imap: await rig.imap(imap) };
  const far = async (port: number) => {
    if (oneWayMs === 0) return { port };
    const proxy = await DelayProxy.start(port, oneWayMs);
    rig.atEnd(() => proxy.close());
    return proxy;
  };
  const [popFar, imapFar] = [await far(servers.pop.port), await far(servers.imap.port)];
  return { ...servers, row: { ...scriptedRow(popFar, imapFar), id, imap_user: id } };
}

const fixed = () => ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];

async function start(list: string, roles = 'scheduler,pop,imap,dashboard'): Promise<void> {
  const args = ['start', list, '--roles', roles, '--listen', address, '--redis', redis.url];
  service = rig.haul([...args, ...fixed()]);
  await rig.reaches(() => service.text.stderr.includes('"msg":"ready"'), service);
}

/** A client of the service, run to its end. */
function client(...args: string[]): Promise<Ended> {
  return rig.haul([...args, '--listen', address, ...fixed()]).ended;
}

async function well(...args: string[]): Promise<Ended> {
  const ended = await client(...args);
  expect(ended.stderr).toBe('');
  expect(ended.status).toBe(0);
  return ended;
}

/** What the API says of an account. */
async function account(id: string): Promise<AccountDetail> {
  const token = (await readFile(join(rig.dataDir, 'token'), 'utf8')).trim();
  const answer = await fetch(`http://${address}/api/accounts/${id}`, { headers: { authorization: `Bearer ${token}` } });
  expect(answer.status).toBe(200);
  return (await answer.json()) as AccountDetail;
}

/** Waits until the account is in the state, with its run ended or not. */
async function until(id: string, holds: (shown: AccountDetail) => boolean): Promise<AccountDetail> {
  for (;;) {
    const shown = await account(id);
    if (holds(shown)) return shown;
    if (service.child.exitCode !== null) throw new Error(`the service ended: ${service.text.stderr}`);
    await new Promise((resume) => setTimeout(resume, 25));
  }
}

const ended = (shown: AccountDetail) => shown.run !== null && shown.run.finishedAt !== null;
const closed = ({ pop, imap }: Pair) => pop.open === 0 && imap.connections.every((one) => one.ended);
const heard = ({ pop, imap }: Pair) => [pop.transcript.length, imap.connections.flatMap((one) => one.commands).length];

function expectSums({ messages: counts }: AccountDetail, listed: number): void {
  const { known, appended, duplicate, refused, failed, vanished, pending } = counts;
  expect(counts.listed).toBe(listed);
  expect(known + appended + duplicate + refused + failed + vanished + pending).toBe(listed);
}

function expectStored({ pop, imap }: Pair): void {
  const sorted = (buffers: readonly Buffer[]) => Buffer.concat([...buffers].sort(Buffer.compare));
  const sent = (pop.behaviour.messages ?? []).map(({ bytes }) => bytes);
  expect(imap.stored()).toHaveLength(sent.length);
  expect(sorted(imap.stored()).equals(sorted(sent))).toBe(true);
}

describe('a pause in mid-run', { timeout: 120_000 }, () => {
  test('ends both sessions, spares others, and loses and doubles nothing', async () => {
    // Both sessions end by themselves, at a batch boundary: nothing is cut off.
    await rig.settings({ ...settings, pauseGraceMs: '100000' });
    const one = await pair('one', { messages: messages(800) }, {}, 20);
    const two = await pair('two', { messages: messages(60) });
    await start(await rig.list([{ ...one.row, group: 'far' }, two.row]));
    await well('run', 'one');
    await rig.reaches(() => one.imap.stored().length > 50, service);
    expect((await well('pause', '--group', 'far', '--reason', 'backup')).stdout).toContain('paused (1 account(s))');
    await rig.reaches(() => closed(one), service);
    const paused = await until('one', ({ state }) => state === 'paused');
    expect(paused.paused).toMatchObject({ scope: 'group far', reason: 'backup' });
    expectSums(paused, 800);
    expect(paused.messages.pending).toBeGreaterThan(0);
    expect(one.pop.seen('QUIT')).toHaveLength(1);
    const before = heard(one);
    // Another account goes through its whole run meanwhile; the paused one says nothing to its servers.
    await well('run', '--all');
    expectSums(await until('two', ended), 60);
    expectStored(two);
    expect(heard(one)).toEqual(before);
    expect((await well('status')).stdout).toMatch(/one +paused .* paused \(group far\) by .*: backup/);
    await well('resume', '--group', 'far');
    const done = await until('one', ended);
    // `run --all` has asked for another run of it: whichever of the two is seen, all has arrived, once.
    expect(done).toMatchObject({ state: 'complete', paused: null, messages: { duplicate: 0, failed: 0, pending: 0 } });
    expect(done.messages.appended + done.messages.known).toBe(800);
    expectSums(done, 800);
    expectStored(one);
    service.child.kill('SIGTERM');
    expect((await service.ended).status).toBe(0);
    await expectScriptedUntouched(one.pop);
  });

  test('drops a source that does not answer, keeps what is whole, and goes on later', async () => {
    // The append session waits for more all the while, and is paused without a batch.
    await rig.settings({ ...settings, appendIdleMs: '60000' });
    const one = await pair('one', { messages: messages(100), stall: { at: 'RETR 41', afterBytes: 10 } });
    await start(await rig.list([one.row]));
    await well('run', 'one');
    await rig.reaches(() => one.imap.stored().length === 40, service);
    await well('pause', 'one');
    await rig.reaches(() => closed(one), service);
    const paused = await until('one', ({ state }) => state === 'paused');
    expect(paused.messages).toMatchObject({ listed: 100, appended: 40, pending: 60 });
    delete one.pop.behaviour.stall;
    await well('resume', 'one');
    expect(await until('one', ended)).toMatchObject({ state: 'complete', messages: { listed: 100, appended: 100 } });
    expectStored(one);
  });

  test('is shown by sync, which does not wait for it', async () => {
    const [one, two] = [await pair('one', { messages: messages(5) }), await pair('two', { messages: messages(5) })];
    const list = await rig.list([one.row, two.row]);
    await start(list, 'dashboard');
    await well('pause', 'one');
    const first = await rig.sync(list, ['--json', '--redis', redis.url]);
    expect(first.status).toBe(3);
    expect(expectReport(first).accounts.map(({ state }) => state)).toEqual(['paused', 'complete']);
    expect(one.pop.connections).toBe(0);
    await well('resume', 'one');
    expect((await rig.sync(list, ['--json', '--redis', redis.url])).status).toBe(0);
    expectStored(one);
  });
});

describe('refused messages', { timeout: 120_000 }, () => {
  test('that are accepted make no exit status 3 any more; retried ones are sent again', async () => {
    const refuse: ImapBehaviour['refuse'] = ({ bytes }) =>
      bytes.includes('<3@x>') ? 'NO [CANNOT] not this one' : undefined;
    const behaviour = { capabilities: ['IMAP4rev1', 'LITERAL+', 'UIDPLUS'], refuse };
    const one = await pair('one', { messages: messages(5) }, behaviour);
    const two = await pair('two', { messages: messages(5) }, behaviour);
    const list = await rig.list([one.row, two.row]);
    const sync = () => rig.sync(list, ['--json', '--redis', redis.url]);
    expect((await sync()).report.totals.messages).toMatchObject({ appended: 8, refused: 2 });
    await start(list, 'dashboard');
    const accepted = await well('accept', 'one', '--reason', 'it is spam', '--json');
    expect(JSON.parse(accepted.stdout)).toMatchObject({ text: '1 refused message(s) accepted' });
    expect(await account('one')).toMatchObject({ state: 'complete', messages: { known: 1, refused: 0 } });
    expect((await account('one')).accepted[0]!.acceptance.reason).toBe('it is spam');
    expect((await client('accept', 'one', '--reason', 'again')).stderr).toContain('nothing-refused');
    const second = await sync();
    expect([second.status, second.report.totals.messages.refused]).toEqual([3, 1]);
    two.imap.behaviour = { capabilities: behaviour.capabilities };
    expect((await well('retry', 'two')).stdout).toContain('1 refused message(s)');
    // The dashboard role alone runs nothing: `retry` queued a run, and sync starts one in its place.
    const third = await sync();
    expect(third.status).toBe(0);
    expect(expectReport(third).accounts.map(({ messages: { known, appended } }) => [known, appended])).toEqual([
      [5, 0],
      [4, 1],
    ]);
    expectStored(two);
    expect(one.imap.stored()).toHaveLength(4);
  });
});

describe('a client', { timeout: 120_000 }, () => {
  test('says what is wrong, once and clearly', async () => {
    const { row } = await pair('one', { messages: [] });
    const list = await rig.list([row]);
    const says = async (code: string, status: number, ...args: string[]) => {
      const { stderr, status: got } = await client(...args);
      expect(stderr).toMatch(new RegExp(`^mailhaul: ${code}: .+\\n  → .+\\n$`));
      expect(got).toBe(status);
    };
    await says('token-unusable', 1, 'status');
    await mkdir(rig.dataDir, { recursive: true });
    await writeFile(join(rig.dataDir, 'token'), `${'x'.repeat(40)}\n`, { mode: 0o600 });
    await says('service-unreachable', 1, 'status');
    await says('usage', 2, 'pause');
    await says('usage', 2, 'pause', 'one', '--all');
    await start(list, 'dashboard');
    await says('account-unknown', 2, 'pause', 'nobody', 'one');
    await says('group-unknown', 2, 'resume', '--group', 'nobody');
    await says('account-unknown', 2, 'accounts', 'remove', 'nobody');
    await says('account-unknown', 2, 'status', 'nobody');
    expect((await well('accounts', 'list')).stdout).toMatch(/^account +group +state\none/);
    await writeFile(join(rig.dataDir, 'token'), `${'y'.repeat(40)}\n`);
    await says('token-refused', 1, 'status');
  });
});
