/** A small migration that a person drives: the built service, real servers behind names, and nothing runs by itself. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { freePorts } from '../../src/demo/free-ports.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { type Haul, HaulRig, type Row, side } from '../flow/haul-rig.ts';
import { mailOf } from '../flow/service-rig.ts';
import { ProxyServer } from '../servers/proxy.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { Site } from './browser-rig.ts';

/** Hosts by their parts; the proxy leads all of them to this machine. */
export const hosts = {
  source: 'pop.old.example',
  destination: 'imap.new.example',
  picky: 'imap.picky.example',
} as const;

/** What the picky destination says of a message that it does not take. */
export const pickyReply = 'not this one <img src=x onerror="canary=1">';

/** Messages of ada, at a rate that one can watch. */
export const adasMessages = 160;
const adasRate = 40;
const dansMessages = 5;

/** A migration under way. */
export interface Migration {
  readonly site: Site;
  readonly rig: HaulRig;
  readonly service: Haul;
  readonly source: Dovecot;
  readonly destination: Dovecot;
  readonly picky: ScriptedImap;
  /** The file with cleo's password, which is wrong at first. */
  readonly passwordFile: string;
}

/** Writes cleo's password. */
export async function setPassword({ passwordFile }: Pick<Migration, 'passwordFile'>, password: string): Promise<void> {
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
}

/**
 * Starts it: ada and ben (wave-1), cleo whose password is wrong, and dan one of whose messages is refused (wave-2). It
 * ends with the rig.
 */
export async function startMigration(): Promise<Migration> {
  const rig = await HaulRig.make();
  const [source, destination, redis] = await Promise.all([
    rig.dovecot({ protocols: ['pop3'] }),
    rig.dovecot({ protocols: ['imap'] }),
    rig.redis(),
  ]);
  const picky = await rig.imap({
    capabilities: ['IMAP4rev1', 'LITERAL+', 'UIDPLUS'],
    refuse: ({ bytes }) => (bytes.includes('Subject: dan 3\r\n') ? `NO [CANNOT] ${pickyReply}` : undefined),
  });
  const names = Object.fromEntries(Object.values(hosts).map((host) => [host, '127.0.0.1']));
  const proxy = await ProxyServer.start({ kind: 'socks5', names });
  rig.atEnd(() => proxy.close());
  const passwordFile = join(rig.directory, 'cleo.secret');
  await setPassword({ passwordFile }, 'mistyped');
  await fill(source);
  const list = await rig.list(rows(source, destination, picky, passwordFile));
  await rig.settings({
    connections: `{default: {proxy: "socks5://127.0.0.1:${proxy.port}"}}`,
    budgets: `{hosts: {${hosts.source}: {messagesPerSecondPerAccount: ${adasRate}}}}`,
    schedules: '{default: {startAt: "2099-01-01T00:00Z"}}',
    batchMaxMessages: '5',
    popPipelineCommands: '4',
  });
  const address = `127.0.0.1:${(await freePorts(1))[0]}`;
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--redis', redis.url, '--data-dir', rig.dataDir];
  const service = rig.haul(['start', list, '--listen', address, ...fixed]);
  await rig.reaches(() => service.text.stderr.includes('"msg":"ready"'), service);
  const token = (await readFile(join(rig.dataDir, 'token'), 'utf8')).trim();
  const site = { url: `http://${address}`, token };
  return { site, rig, service, source, destination, picky, passwordFile };
}

async function fill(source: Dovecot): Promise<void> {
  const mailboxes = { ada: adasMessages, ben: 12, cleo: 3, dan: dansMessages };
  for (const [user, count] of Object.entries(mailboxes)) {
    await deliver({ server: source, user }, mailOf(user, Array<number>(count).fill(800)));
  }
}

function rows(source: Dovecot, destination: Dovecot, picky: ScriptedImap, passwordFile: string): Row[] {
  const row = (id: string, group: string, imap = destination.imapPort, host: string = hosts.destination): Row => ({
    id,
    group,
    ...side('pop', source.popPort, id, 'pw'),
    ...side('imap', imap, id, 'pw'),
    pop_host: hosts.source,
    imap_host: host,
  });
  return [
    row('ada', 'wave-1'),
    row('ben', 'wave-1'),
    { ...row('cleo', 'wave-2'), pop_password: `file:${passwordFile}` },
    row('dan', 'wave-2', picky.port, hosts.picky),
  ];
}
