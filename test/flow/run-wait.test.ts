/** `mailhaul run --wait`: what a script of a cut-over relies on. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/demo/free-ports.ts';
import type { RedisServer } from '../servers/redis.ts';
import { type Ended, expectReport, expectScriptedUntouched, type Haul, HaulRig, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;
let redis: RedisServer;
let address: string;

beforeEach(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
  address = `127.0.0.1:${(await freePorts(1))[0]}`;
  // Nothing runs unless somebody asks for it.
  const schedules = `{default: {when: 'cron 0 0 1 1 *'}}`;
  await rig.settings({ schedules, runWaitMs: '20', credentialTries: '1', steeringPollMs: '50' });
});

afterEach(() => rig.end());

const fixed = () => ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir, '--listen', address];

async function start(rows: Parameters<HaulRig['list']>[0]): Promise<Haul> {
  const service = rig.haul(['start', await rig.list(rows), '--redis', redis.url, ...fixed()]);
  await rig.reaches(() => service.text.stderr.includes('"msg":"ready"'), service);
  return service;
}

function client(...args: string[]): Promise<Ended> {
  return rig.haul([...args, ...fixed()]).ended;
}

function mail(count: number, from = 0) {
  return Array.from({ length: count }, (_, at) => ({
    uidl: `u${from + at}`,
    bytes: Buffer.from(`Message-ID: <${from + at}@x>\r\nSubject: ${at}\r\n\r\n${at}\r\n`),
  }));
}

describe('run --wait', { timeout: 120_000 }, () => {
  test('ends with the report of a sync when the runs have ended, each time with what is new', async () => {
    const [pop, imap] = [await rig.pop({ messages: mail(30) }), await rig.imap()];
    const other = scriptedRow(pop, imap, { id: 'other', group: 'wave-2', imap_user: 'other' });
    const off = scriptedRow(pop, imap, { id: 'off', group: 'wave-1', imap_user: 'off', enabled: 'no' });
    await start([scriptedRow(pop, imap, { group: 'wave-1' }), other, off]);
    const first = await client('run', '--group', 'wave-1', '--wait', '--json');
    expect(first.stderr).toContain('waiting until the runs have ended');
    expect(first.status).toBe(0);
    expect(first.account.id).toBe('one');
    expect(expectReport(first).totals.messages).toMatchObject({ listed: 30, appended: 30 });
    pop.behaviour.messages = mail(33);
    const second = await client('run', 'one', '--wait', '--json');
    expect(second.status).toBe(0);
    expect(expectReport(second).totals.messages).toMatchObject({ listed: 33, known: 30, appended: 3 });
    expect((await client('run', 'one', '--wait')).stdout).toContain('listed 33 = known 33 + appended 0');
    expect(imap.stored().map(String).sort()).toEqual(
      mail(33)
        .map(({ bytes }) => String(bytes))
        .sort(),
    );
    await expectScriptedUntouched(pop);
  });

  test('has the exit status of a sync: 3 for what is refused, 12 for refused passwords', async () => {
    const refuse = ({ bytes }: { bytes: Buffer }) => (bytes.includes('<3@x>') ? 'NO [CANNOT] not this one' : undefined);
    const [pop, imap] = [await rig.pop({ messages: mail(5) }), await rig.imap({ refuse })];
    const wrong = scriptedRow(pop, imap, { id: 'wrong', imap_user: 'bob', pop_password: 'wrong' });
    await start([scriptedRow(pop, imap), wrong]);
    const refused = await client('run', 'one', '--wait', '--json');
    expect(refused.status).toBe(3);
    expect(expectReport(refused).totals.messages).toMatchObject({ appended: 4, refused: 1 });
    const locked = await client('run', 'wrong', '--wait', '--json');
    expect(locked.account.problems.map(({ code }) => code)).toEqual(['credentials-refused']);
    expect(locked.status).toBe(12);
    expect((await client('run', '--all', '--wait', '--json')).status).toBe(3);
  });

  test('does not wait for a paused account', async () => {
    const [pop, imap] = [await rig.pop({ messages: mail(5) }), await rig.imap()];
    const two = scriptedRow(pop, imap, { id: 'two', imap_user: 'two' });
    await start([scriptedRow(pop, imap), two]);
    expect((await client('pause', 'two')).status).toBe(0);
    const ended = await client('run', '--all', '--wait', '--json');
    expect(ended.status).toBe(3);
    expect(expectReport(ended).accounts.map(({ id, state }) => [id, state])).toEqual([
      ['one', 'complete'],
      ['two', 'queued'],
    ]);
  });

  test('ends when the service does, and says so', async () => {
    const [pop, imap] = [
      await rig.pop({ messages: mail(5), stall: { at: 'RETR 3', afterBytes: 5 } }),
      await rig.imap(),
    ];
    const service = await start([scriptedRow(pop, imap)]);
    const waiting = rig.haul(['run', 'one', '--wait', ...fixed()]);
    await rig.reaches(() => pop.connections > 0, waiting);
    service.child.kill('SIGKILL');
    const ended = await waiting.ended;
    expect(ended.status).toBe(1);
    expect(ended.stderr).toContain('service-unreachable');
    expect(ended.stdout).toBe('');
  });
});
