/** Where Mailhaul's own Redis has its files and its socket. */
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { hexDigest } from './digest.ts';
import { MailhaulError } from './errors.ts';

/** The places of the Redis of one data directory. */
export interface Places {
  folder: string;
  socket: string;
  url: string;
  owner: string;
  server: string;
  log: string;
}

/** The address of the Redis of a data directory, whether it runs or not. */
export function embeddedUrl(dataDir: string): string {
  return placesOf(resolve(dataDir)).url;
}

/** The places below an absolute data directory; its folder is made. Throws `redis-unreachable`. */
export function placesOf(dataDir: string): Places {
  const folder = join(dataDir, 'redis');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // unix(7): the path of a socket has at most 107 bytes, on other systems 103.
  const near = join(folder, 'redis.sock');
  const socket = Buffer.byteLength(near) <= 103 ? near : join(shortFolder(folder), 'redis.sock');
  return {
    folder,
    socket,
    url: `unix://${socket.split('/').map(encodeURIComponent).join('/')}`,
    owner: join(folder, 'owner.json'),
    server: join(folder, 'server.json'),
    log: join(folder, 'redis.log'),
  };
}

/** A folder with a short path that belongs to this data directory, and to nobody else. */
function shortFolder(folder: string): string {
  const uid = process.getuid?.() ?? 0;
  const base = Buffer.byteLength(tmpdir()) <= 50 ? tmpdir() : '/tmp';
  const path = join(base, `mailhaul-${uid}-${hexDigest(8, folder)}`);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new MailhaulError('redis-unreachable', { where: path, reason: 'this folder belongs to somebody else' });
  }
  return path;
}
