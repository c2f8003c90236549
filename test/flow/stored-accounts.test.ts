/** Accounts that the service keeps: what a changed list does to work that is under way. */
import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { madeMail } from '../servers/made-mail.ts';
import type { RedisServer } from '../servers/redis.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import { type Ended, expectReport, type Haul, HaulRig, redisSay, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;
let redis: RedisServer;
let imap: ScriptedImap;
const messages = Array.from({ length: 60 }, (_, i) => ({
  bytes: Buffer.from(`Message-ID: <${i}@x>\r\nSubject: ${i}\r\n\r\n${'body '.repeat(100)}\r\n`),
  uidl: `u${i}`,
}));

beforeEach(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
  imap = await rig.imap();
});

afterEach(() => rig.end());

const fixed = () => ['--config', join(rig.directory, 'settings.yaml'), '--redis', redis.url];
const follow = (rows: Parameters<HaulRig['list']>[0]) => rig.list(rows, 'followed.csv');

/** Starts the service on the followed list, or on what is stored. */
async function start(list?: string, env: NodeJS.ProcessEnv = {}): Promise<Haul> {
  const words = list === undefined ? [] : [list];
  const service = rig.haul(
    ['start', ...words, '--roles', 'pop,imap', '--data-dir', join(rig.directory, 'service'), ...fixed()],
    env,
  );
  await logged(service, '"msg":"ready"');
  return service;
}

async function stop(service: Haul): Promise<void> {
  service.child.kill('SIGTERM');
  expect((await service.ended).status).toBe(0);
}

/** Waits until the service logged this so many times. */
function logged(service: Haul, text: string, times = 1): Promise<void> {
  return rig.reaches(() => service.text.stderr.split(text).length > times, service);
}

function schedule(list: string): Promise<Ended> {
  return rig.sync(list, ['--json', '--roles', 'scheduler', '--redis', redis.url]);
}

/** All messages are at the destination, each once. */
function expectAll(): void {
  const sorted = (all: readonly Buffer[]) => all.map(String).sort();
  expect(sorted(imap.stored())).toEqual(sorted(messages.map(({ bytes }) => bytes)));
}

describe('an account of the service', () => {
  test('that is removed while its run is under way ends it, loses nothing, and goes on when it is back', async () => {
    await rig.settings({ batchMaxMessages: '5', popPipelineCommands: '10' });
    const pop = await rig.pop({ messages, holdUntil: { verb: 'RETR', waiting: 1000 } });
    const row = scriptedRow(pop, imap);
    const other = scriptedRow({ port: 1 }, imap, { id: 'other', pop_user: 'other' });
    const service = await start(await follow([row, other]));
    const list = await rig.list([row]);
    const running = schedule(list);
    await rig.reaches(() => pop.seen('RETR').length >= 10, service);
    await follow([other]);
    await logged(service, 'account removed');
    pop.release();
    const cut = await running;
    expect(cut.status).toBe(3);
    const account = expectReport(cut).accounts[0]!;
    expect(account.state).toBe('failed');
    expect(account.problems.map(({ code }) => code)).toEqual(['account-unlisted']);
    expect(account.messages).toMatchObject({ listed: 60, failed: 0 });
    expect(account.messages.pending).toBeGreaterThan(40);

    await follow([row, other]);
    await logged(service, 'account list imported', 3);
    const ended = await schedule(list);
    expect(ended.status).toBe(0);
    expect(expectReport(ended).accounts[0]!.messages).toMatchObject({ listed: 60, pending: 0 });
    // What was in the spool was not fetched a second time.
    expect(pop.seen('RETR').length).toBe(60);
    expectAll();
    await stop(service);
  });

  test('whose password was wrong is carried by the next session after the list was corrected', async () => {
    const pop = await rig.pop({ messages });
    const service = await start(await follow([scriptedRow(pop, imap, { pop_password: 'old' })]));
    // The scheduler has a list of its own; the login is made with what the service was told.
    const list = await rig.list([scriptedRow(pop, imap)]);
    expect((await schedule(list)).account.problems).toMatchObject([{ code: 'credentials-refused' }]);
    await follow([scriptedRow(pop, imap)]);
    await logged(service, '"changed":1');
    const ended = await schedule(list);
    expect(ended.status).toBe(0);
    expectAll();
    await stop(service);
  });

  test('is still there when the service starts without a list, and on another host', async () => {
    const pop = await rig.pop({ messages });
    const followed = await follow([scriptedRow(pop, imap)]);
    await stop(await start(followed));
    await rm(followed);
    const service = await start();
    service.child.kill('SIGHUP');
    await logged(service, '"msg":"no account list"');
    expect((await schedule(await rig.list([scriptedRow(pop, imap)]))).status).toBe(0);
    expectAll();
    await stop(service);
  });

  test('follows a list at SIGHUP', async () => {
    const pop = await rig.pop({ messages });
    const service = await start(await follow([scriptedRow(pop, imap)]));
    service.child.kill('SIGHUP');
    await logged(service, 'account list imported', 2);
    await stop(service);
  });
});

describe('a service that cannot begin', () => {
  const refused = async (list: string, env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const ended = await rig.haul(['start', list, '--data-dir', rig.dataDir, ...fixed()], env).ended;
    expect(ended.status).toBe(10);
    expect(ended.stdout).toBe('');
    return ended.stderr;
  };

  test('because of its list names every wrong line, and imports none', async () => {
    const list = await rig.file('bad.csv', 'id,pop_host\na,x\nb,256.0.0.1\n');
    const said = await refused(list);
    expect(said).toContain('mailhaul: list-invalid: ');
    expect(said).toMatch(/line 2: [\s\S]*line 3: /);
    expect(await redisSay(redis, 'EXISTS mh:{accounts}:list')).toBe(':0');
  });

  test('because of its key says what is wrong and what to do, once', async () => {
    const pop = await rig.pop({ messages: messages.slice(0, 1) });
    const list = await follow([scriptedRow(pop, imap)]);
    await stop(await start(list));
    const key = join(rig.directory, 'seal.key');
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    const other = await refused(list, { MAILHAUL_SEAL_KEY: 'ab'.repeat(32) });
    expect(other).toContain('mailhaul: seal-key-wrong: ');
    await chmod(key, 0o640);
    expect(await refused(list)).toContain(`the file ${key}: others can get at it (mode 640; it must be 600)`);
    await chmod(key, 0o600);
    await writeFile(key, 'not a key');
    expect(await refused(list)).toContain('mailhaul: seal-key-invalid: ');
    await rm(key);
    const missing = await refused(list);
    expect(missing).toContain('it does not exist');
    expect(missing.split('→')).toHaveLength(2);
  }, 200_000);
});

describe('a list that others can read', () => {
  test('draws a warning from sync, verify and start when it holds passwords, and stops none of them', async () => {
    const pop = await rig.pop({
      messages: madeMail()
        .slice(0, 2)
        .map(({ bytes }, i) => ({ bytes, uidl: `${i}` })),
    });
    const list = await follow([scriptedRow(pop, imap)]);
    const where = ['--data-dir', rig.dataDir, ...fixed()];
    const run = (command: string) => rig.haul([command, list, ...where]).ended;
    const warnings = async (): Promise<number[]> => {
      const said: number[] = [];
      for (const command of ['sync', 'verify']) {
        const { status, stderr } = await run(command);
        expect(status, stderr).toBe(0);
        said.push(stderr.split('can be read by others').length - 1);
      }
      const service = await start(list);
      await stop(service);
      return [...said, service.text.stderr.split('list-secrets-readable').length - 1];
    };
    expect(await warnings()).toEqual([0, 0, 0]);
    await chmod(list, 0o640);
    expect(await warnings()).toEqual([1, 1, 1]);
    await rig.file('pw', 'secret');
    await rm(list);
    await follow([scriptedRow(pop, imap, { pop_password: 'file:pw', imap_password: 'command:echo pw' })]);
    await chmod(list, 0o644);
    expect(await warnings()).toEqual([0, 0, 0]);
  }, 200_000);
});
