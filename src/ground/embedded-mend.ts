/**
 * Mailhaul's own Redis after a power cut. What it appended in its last second and had not made durable may be there as zeros, since
 * a file system may know how long a file became before it has what came into it, or end anywhere. Redis does not start then.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Places } from './embedded-places.ts';

/** The server looks for one of these names, Redis for the one and Valkey for the other, in that by which it was called. */
const checkerName = 'redis-check-aof, valkey-check-aof';

/** Whether the Redis that ended said that its append-only file makes no sense. */
export function canMend(places: Places): boolean {
  const said = readFileSync(places.log, 'latin1');
  // Of a command that was there in part it does not look at the end of the line, and does not know its name.
  return /(?:Bad file format|Unknown command .*|Unexpected end of file) reading the append only file/s.test(said);
}

/**
 * Has Redis cut its append-only file off behind the last command or transaction that is whole. `program` is the server, which
 * is its checker, too, under another name. What is lost is what a power cut may cost anyway: the last second (docs/failures.md).
 */
export async function mendAppendOnlyFile({ folder, log }: Places, program: string): Promise<void> {
  const words = ['--fix', join(folder, 'appendonlydir', 'appendonly.aof.manifest')];
  const out = openSync(log, 'a', 0o600);
  const checker = spawn(program, words, { argv0: checkerName, stdio: ['pipe', out, out] });
  closeSync(out);
  // It asks whether it may. One that cannot be started, or has gone, is noticed by the next start of Redis.
  checker.stdin?.on('error', () => {});
  checker.stdin?.end('y\n');
  await once(checker, 'close').catch(() => {});
}
