/** A migration that a person drives: the built service, real servers behind names, and nothing runs by itself. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { freePorts } from '../../src/demo/free-ports.ts';
import { type Delivery, deliver } from '../../src/demo/maildir.ts';
import { type Haul, HaulRig, type Row, side } from '../flow/haul-rig.ts';
import { ProxyServer } from '../servers/proxy.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { Site } from './visit.ts';

/** Hosts by their parts; the proxy leads all of them to this machine. */
export const hosts = {
  source: 'pop.old.example',
  destination: 'imap.new.example',
  /** Refuses messages that are marked so. */
  picky: 'imap.picky.example',
} as const;

/** In a message that the picky destination refuses. */
export const unwanted = 'unwanted by the picky';

/** Somebody who moves. */
export interface Person {
  readonly id: string;
  readonly group: string;
  readonly mail: readonly Delivery[];
  /** Whether the destination is the picky one. */
  readonly picky?: boolean;
  /** Whether the password stands in the file of `setPassword`, which has a wrong one at first. */
  readonly mistyped?: boolean;
}

/** A migration under way. */
export interface Migration {
  readonly site: Site;
  readonly rig: HaulRig;
  readonly service: Haul;
  readonly source: Dovecot;
  readonly destination: Dovecot;
  readonly picky: ScriptedImap;
  /** Writes the password of those whose password was mistyped. */
  setPassword(password: string): Promise<void>;
}

/** How a migration differs from the usual. */
export interface MigrationOptions {
  /** Settings besides those of the rig. */
  readonly settings: Readonly<Record<string, string>>;
  /** What the picky destination says of what it refuses. */
  readonly reply: string;
}

/** Starts the service; it ends with `rig.end()`. */
export async function startMigration(people: readonly Person[], options: MigrationOptions): Promise<Migration> {
  const rig = await HaulRig.make();
  try {
    const [source, destination, redis, proxyUrl] = await Promise.all([
      rig.dovecot({ protocols: ['pop3'] }),
      rig.dovecot({ protocols: ['imap'] }),
      rig.redis(),
      startProxy(rig),
    ]);
    const picky = await rig.imap({
      capabilities: ['IMAP4rev1', 'LITERAL+', 'UIDPLUS'],
      refuse: ({ bytes }) => (bytes.includes(unwanted) ? `NO [CANNOT] ${options.reply}` : undefined),
    });
    const secret = join(rig.directory, 'mistyped.secret');
    const setPassword = (password: string) => writeFile(secret, `${password}\n`, { mode: 0o600 });
    await setPassword('mistyped');
    for (const { id, mail } of people) await deliver({ server: source, user: id }, mail);
    const list = await rig.list(people.map((person) => rowOf(person, { source, destination, picky, secret })));
    await rig.settings({
      connections: `{default: {proxy: "${proxyUrl}"}}`,
      schedules: '{default: {startAt: "2099-01-01T00:00Z"}}',
      ...options.settings,
    });
    const { service, site } = await startService(rig, list, redis.url);
    return { site, rig, service, source, destination, picky, setPassword };
  } catch (error) {
    await rig.end();
    throw error;
  }
}

async function startProxy(rig: HaulRig): Promise<string> {
  const names = Object.fromEntries(Object.values(hosts).map((host) => [host, '127.0.0.1']));
  const proxy = await ProxyServer.start({ kind: 'socks5', names });
  rig.atEnd(() => proxy.close());
  return `socks5://127.0.0.1:${proxy.port}`;
}

async function startService(rig: HaulRig, list: string, redis: string): Promise<{ service: Haul; site: Site }> {
  const address = `127.0.0.1:${(await freePorts(1))[0]}`;
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--redis', redis, '--data-dir', rig.dataDir];
  const service = rig.haul(['start', list, '--listen', address, ...fixed]);
  await rig.reaches(() => service.text.stderr.includes('"msg":"ready"'), service);
  const token = async (name: string) => (await readFile(join(rig.dataDir, name), 'utf8')).trim();
  return { service, site: { url: `http://${address}`, token: await token('token') } };
}

function rowOf(
  { id, group, picky: isPicky, mistyped }: Person,
  { source, destination, picky, secret }: Pick<Migration, 'source' | 'destination' | 'picky'> & { secret: string },
): Row {
  return {
    id,
    group,
    ...side('pop', source.popPort, id, mistyped ? `file:${secret}` : 'pw'),
    ...side('imap', isPicky ? picky.port : destination.imapPort, id, 'pw'),
    pop_host: hosts.source,
    imap_host: isPicky ? hosts.picky : hosts.destination,
  };
}
