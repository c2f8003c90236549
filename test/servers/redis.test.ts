import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BareSocket } from '../../src/demo/bare-socket.ts';
import { startRedis } from './redis.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function ask(port: number, command: string): Promise<string> {
  const socket = await BareSocket.connect(port);
  socket.write(`${command}\r\n`);
  const answer = await socket.line();
  const value = answer.startsWith('$') && answer !== '$-1' ? await socket.line() : answer;
  socket.close();
  return value;
}

it('keeps what it acknowledged over a kill and over an orderly end', async () => {
  const redis = await startRedis({ directory });
  try {
    expect(await ask(redis.port, 'SET a 1')).toBe('+OK');
    const pid = redis.pid;
    await redis.kill();
    await expect(BareSocket.connect(redis.port)).rejects.toThrow('ECONNREFUSED');
    await redis.restart();
    expect(redis.pid).not.toBe(pid);
    expect(await ask(redis.port, 'GET a')).toBe('1');
    await redis.restart();
    expect(await ask(redis.port, 'GET a')).toBe('1');
  } finally {
    await redis.stop();
  }
});
