/** `mailhaul start` as its supervisor sees it: what it is told of a reload, and how it ends without its Redis. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NotifySocket } from '../servers/notify-socket.ts';
import type { RedisServer } from '../servers/redis.ts';
import { expectScriptedUntouched, type Haul, HaulRig, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;
let redis: RedisServer;

beforeEach(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
});

afterEach(() => rig.end());

async function servers() {
  const messages = Array.from({ length: 30 }, (_, i) => ({
    uidl: `u${i}`,
    bytes: Buffer.from(`Message-ID: <${i}@x>\r\nSubject: ${i}\r\n\r\nbody ${i}\r\n`),
  }));
  const [pop, imap] = [await rig.pop({ messages }), await rig.imap()];
  return { pop, imap, messages, list: await rig.list([scriptedRow(pop, imap)]) };
}

function start(words: readonly string[], env: NodeJS.ProcessEnv = {}): Haul {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir, '--redis', redis.url];
  return rig.haul(['start', ...words, ...fixed, '--listen', '127.0.0.1:0'], env);
}

const isReady = (haul: Haul) => haul.text.stderr.includes('"msg":"ready"');

describe('the service manager', () => {
  test('hears RELOADING when SIGHUP comes and READY when the list was read, a wrong one too', async () => {
    const { list } = await servers();
    const socket = await NotifySocket.listen(join(rig.directory, 'notify'));
    rig.atEnd(() => socket.close());
    const service = start([list], { NOTIFY_SOCKET: socket.path });
    await socket.until(() => socket.times('READY=1') === 1);
    const imports = () => service.text.stderr.split('"msg":"account list imported"').length - 1;
    expect(imports()).toBe(1);
    service.child.kill('SIGHUP');
    await socket.until(() => socket.times('READY=1') === 2);
    expect(imports()).toBe(2);
    await rm(list);
    service.child.kill('SIGHUP');
    await socket.until(() => socket.times('READY=1') === 3);
    expect(service.text.stderr).toContain('list-unreadable');
    const words = socket.said.map(([word]) => word);
    expect(words).toEqual(['READY=1', 'RELOADING=1', 'READY=1', 'RELOADING=1', 'READY=1']);
    // systemd asks when the reload began, by the monotonic clock (sd_notify(3)).
    expect(socket.said[1]![1]).toMatch(/^MONOTONIC_USEC=\d+$/);
    service.child.kill('SIGTERM');
    expect((await service.ended).status).toBe(0);
  });

  test('hears READY again from a service that has no list to read', async () => {
    const socket = await NotifySocket.listen(join(rig.directory, 'notify'));
    rig.atEnd(() => socket.close());
    const worker = start(['--roles', 'pop'], { NOTIFY_SOCKET: socket.path });
    await socket.until(() => socket.times('READY=1') === 1);
    worker.child.kill('SIGHUP');
    await socket.until(() => socket.times('READY=1') === 2);
    expect(socket.times('RELOADING=1')).toBe(1);
  });
});

describe('a Redis that is lost for good', () => {
  test.each(['idle', 'in the middle of a session'])(
    'ends the service with an error and status 1, %s',
    async (when) => {
      await rig.settings({ redisLostAfterMs: '1500', schedules: '{default: {when: once}}' });
      const { pop, imap, messages, list } = await servers();
      if (when !== 'idle') pop.behaviour.stall = { at: 'RETR 20', afterBytes: 5 };
      const service = start([list]);
      const isThere = () =>
        when === 'idle' ? service.text.stderr.includes('"msg":"run ended"') : pop.transcript.includes('RETR 20');
      await rig.reaches(isThere, service);
      await redis.stop();
      const ended = await service.ended;
      expect(ended.status).toBe(1);
      expect(ended.stderr).toMatch(/^mailhaul: redis-unreachable: Redis at \S+ does not answer: .*redisLostAfterMs/m);
      expect(ended.stderr).not.toMatch(/UnhandledPromise|node:internal/);
      // As systemd does it: the next one goes on.
      await redis.restart();
      delete pop.behaviour.stall;
      const next = start([list]);
      await rig.reaches(() => isReady(next) && imap.stored().length === messages.length, next);
      next.child.kill('SIGTERM');
      expect((await next.ended).status).toBe(0);
      await expectScriptedUntouched(pop);
    },
    120_000,
  );
});

test('start takes no option that it would pass over', async () => {
  const { list } = await servers();
  for (const option of [
    ['--account', 'one'],
    ['--group', 'a'],
  ]) {
    const ended = await start([list, ...option]).ended;
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain(`unknown option '${option[0]}'`);
  }
});
