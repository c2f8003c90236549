/** Looks for secrets wherever a run may have left them: texts, files, every value in Redis, command lines. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RedisClient } from '../../src/ground/redis.ts';

/** Secrets by name. */
export type Canaries = Readonly<Record<string, string | Buffer>>;

interface Form {
  name: string;
  bytes: Buffer;
}

/** How a secret may look: as it is, in hexadecimal, and in base64 wherever it begins in what was encoded. */
function formsOf(canaries: Canaries): Form[] {
  return Object.entries(canaries).flatMap(([name, secret]) => {
    const raw = Buffer.from(secret);
    const shifted = [0, 1, 2].map((before) => {
      const text = Buffer.concat([Buffer.alloc(before), raw])
        .toString('base64')
        .replace(/=+$/, '');
      // The letters that the neighbours have a part in are left out.
      const first = Math.ceil((before * 8) / 6);
      return text.slice(first, Math.floor(((before + raw.length) * 8) / 6));
    });
    const forms: [string, Buffer][] = [
      ['itself', raw],
      ['hex', Buffer.from(raw.toString('hex'))],
      ['HEX', Buffer.from(raw.toString('hex').toUpperCase())],
      ...shifted.map((text, at): [string, Buffer] => [`base64+${at}`, Buffer.from(text)]),
      ...shifted.map((text, at): [string, Buffer] => [
        `base64url+${at}`,
        Buffer.from(text.replaceAll('+', '-').replaceAll('/', '_')),
      ]),
    ];
    return forms.map(([form, bytes]) => ({ name: `${name} (${form})`, bytes }));
  });
}

/** Collects what it found, as `secret (form) in place`. */
export class LeakSearch {
  readonly found = new Set<string>();
  /** What was searched, to see that it was not nothing. */
  readonly searched: Record<string, number> = {};
  readonly #forms: readonly Form[];
  #looking: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();

  constructor(canaries: Canaries) {
    this.#forms = formsOf(canaries);
  }

  /** `kind` is what `searched` counts the bytes under. */
  bytes(kind: string, place: string, data: Buffer | string): void {
    const bytes = Buffer.from(data);
    this.searched[kind] = (this.searched[kind] ?? 0) + bytes.length;
    for (const form of this.#forms) if (bytes.includes(form.bytes)) this.found.add(`${form.name} in ${place}`);
  }

  /** Every file below a directory, and its name; `but` holds the ends of names that may have secrets. */
  async files(kind: string, directory: string, but: readonly string[] = []): Promise<void> {
    for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name);
      const place = path.slice(directory.length + 1);
      this.bytes(kind, `the name ${place}`, entry.name);
      if (!entry.isFile() || but.some((end) => entry.name.endsWith(end))) continue;
      this.bytes(kind, place, await readFile(path));
    }
  }

  /** Every key of a Redis and all that is in it. */
  async redis(client: RedisClient): Promise<void> {
    for (const key of await client.keys('*')) {
      this.bytes('redis', `a key of Redis: ${key}`, key);
      for (const value of await valuesOf(client, key)) this.bytes('redis', `Redis ${key}`, value);
    }
  }

  /** Looks at the command lines of all processes again and again, until `endLooking`. */
  beginLooking(everyMs = 15): void {
    this.#looking = setInterval(() => {
      this.#look = this.#look.then(() => this.commandLines());
    }, everyMs);
  }

  async endLooking(): Promise<void> {
    clearInterval(this.#looking);
    await this.#look;
  }

  async commandLines(): Promise<void> {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      // It may have ended by now.
      const words = await readFile(`/proc/${pid}/cmdline`).catch(() => Buffer.alloc(0));
      this.bytes('command lines', 'a command line', words);
    }
  }
}

async function valuesOf(client: RedisClient, key: string): Promise<(string | Buffer)[]> {
  switch (await client.type(key)) {
    case 'string':
      return [(await client.getBuffer(key)) ?? Buffer.alloc(0)];
    case 'hash':
      return Object.entries(await client.hgetallBuffer(key)).flat();
    case 'list':
      return client.lrangeBuffer(key, 0, -1);
    case 'set':
      return client.smembersBuffer(key);
    case 'zset':
      return client.zrangeBuffer(key, '0', '-1');
    case 'stream':
      return [JSON.stringify(await client.xrange(key, '-', '+'))];
    default:
      return [];
  }
}
