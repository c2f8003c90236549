import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Log } from '../../src/ground/log.ts';
import { ServiceManager } from '../../src/ground/service-manager.ts';
import { NotifySocket } from '../servers/notify-socket.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const warnings: unknown[][] = [];
const log = { warn: (...words: unknown[]) => warnings.push(words) } as unknown as Log;
const alive = async () => true;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'mailhaul-notify-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function managed(env: NodeJS.ProcessEnv = {}): Promise<{ socket: NotifySocket; manager: ServiceManager }> {
  const socket = await NotifySocket.listen(join(folder(), 'notify'));
  cleanups.push(() => socket.close());
  const { PATH } = process.env;
  const manager = new ServiceManager({ PATH, NOTIFY_SOCKET: socket.path, ...env }, log);
  cleanups.push(() => manager.close());
  return { socket, manager };
}

describe('the service manager', () => {
  it('is told in order, each word whole', async () => {
    const { socket, manager } = await managed();
    void manager.ready('3 account(s)', alive);
    void manager.status('working\non it');
    void manager.reloading();
    void manager.ready('4 account(s)', alive);
    await manager.stopping('draining');
    await socket.until(() => socket.said.length === 5);
    expect(socket.said).toEqual([
      ['READY=1', 'STATUS=3 account(s)'],
      ['STATUS=working on it'],
      ['RELOADING=1', expect.stringMatching(/^MONOTONIC_USEC=\d{6,}$/)],
      ['READY=1', 'STATUS=4 account(s)'],
      ['STOPPING=1', 'STATUS=draining'],
    ]);
  });

  it('gets signs of life only while what the service lives on answers in time', async () => {
    const { socket, manager } = await managed({ WATCHDOG_USEC: '100000', WATCHDOG_PID: String(process.pid) });
    expect(manager.watchdogMs).toBe(100);
    let answer: () => Promise<boolean> = alive;
    let asked = 0;
    await manager.ready('', () => {
      asked += 1;
      return answer();
    });
    await socket.until(() => socket.times('WATCHDOG=1') >= 3);
    const answers = [async () => false, () => Promise.reject(new Error('gone')), () => new Promise<boolean>(() => {})];
    for (const none of answers) {
      answer = none;
      // What was asked before may still be on its way.
      await manager.status('marker');
      const [from, before] = [asked, socket.times('WATCHDOG=1')];
      await socket.until(() => asked >= from + 4);
      expect(socket.times('WATCHDOG=1') - before).toBeLessThanOrEqual(1);
    }
    answer = alive;
    const before = socket.times('WATCHDOG=1');
    await socket.until(() => socket.times('WATCHDOG=1') > before + 1);
  });

  it('that means another process, or wants no sign of life, gets none', () => {
    const env = { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '100000' };
    expect(new ServiceManager({ ...env, WATCHDOG_PID: '1' }, log).watchdogMs).toBe(0);
    expect(new ServiceManager({ NOTIFY_SOCKET: '/x' }, log).watchdogMs).toBe(0);
    expect(new ServiceManager({ WATCHDOG_USEC: '100000' }, log).watchdogMs).toBe(0);
    expect(new ServiceManager(env, log).watchdogMs).toBe(100);
  });

  it('that there is none of is no error', async () => {
    const manager = new ServiceManager({ PATH: '/not/there' }, log);
    warnings.length = 0;
    await manager.ready('', alive);
    await manager.stopping('');
    await manager.close();
    expect(warnings).toEqual([]);
  });

  it('that cannot be told is complained about once', async () => {
    warnings.length = 0;
    const manager = new ServiceManager({ PATH: folder(), NOTIFY_SOCKET: '/not/there' }, log);
    await manager.ready('', alive);
    await manager.stopping('');
    expect(warnings).toEqual([[{ reason: 'systemd-notify is not on the PATH' }, expect.any(String)]]);
    const path = folder();
    writeFileSync(join(path, 'systemd-notify'), '#!/bin/sh\necho secret-of-env $HIDDEN >&2\nexit 1\n');
    chmodSync(join(path, 'systemd-notify'), 0o755);
    const failing = new ServiceManager({ PATH: path, NOTIFY_SOCKET: '/not/there', HIDDEN: 'canary' }, log);
    await failing.ready('', alive);
    expect(warnings).toHaveLength(2);
    expect(JSON.stringify(warnings)).not.toContain('canary');
  });
});
