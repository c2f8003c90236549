/** `mailhaul demo`: a real run on this machine, with real servers and real mail, and the proof that it worked. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Dovecot, startDovecot } from '../demo/dovecot.ts';
import { fillSource, samplePassword, sampleUsers, writeSampleList } from '../demo/sample-accounts.ts';
import { compareMailboxes, mailboxContents, popContents } from '../demo/witness.ts';
import { loadSettings } from '../ground/settings-load.ts';
import { Closers, onInterrupt } from '../ground/shutdown.ts';
import { chooseAccounts } from '../operations/choose-accounts.ts';
import { sync } from '../operations/sync.ts';
import { exitStatus } from '../report/exit-status.ts';
import type { Report } from '../report/report.ts';
import { number, reportText } from '../report/text.ts';
import { haulRoles, openService } from '../service.ts';
import { commandLog, displayFor, warn } from './common-options.ts';

interface Servers {
  readonly source: Dovecot;
  readonly destination: Dovecot;
}

/** Adds the command; `finish` gets the exit status. */
export function addDemo(program: Command, finish: (status: number) => void, insist: () => void): void {
  program
    .command('demo')
    .description('haul sample mailboxes between two mail servers on this machine, and prove the result')
    .option('--keep', 'leave the servers running and say how to look at the mailboxes')
    .action(async (options: { keep?: boolean }) => finish(await runDemo(options.keep ?? false, insist)));
}

async function runDemo(keep: boolean, insist: () => void): Promise<number> {
  const closers = new Closers();
  const directory = await mkdtemp(join(tmpdir(), 'mailhaul-demo-'));
  if (!keep) closers.push(() => rm(directory, { recursive: true, force: true }));
  try {
    say(`Starting a POP3 server and an IMAP server (Dovecot) on this machine, in ${directory}.`);
    const servers = await startServers(directory, closers, keep);
    const count = await fillSource(servers.source);
    say(`The POP3 server holds ${number(count)} real messages in ${sampleUsers.length} mailboxes.\n`);
    const status = await haulTwice(directory, servers, insist);
    if (keep) tellHowToLook(directory, servers);
    return status;
  } finally {
    await closers.close();
  }
}

async function startServers(directory: string, closers: Closers, keep: boolean): Promise<Servers> {
  const start = async (name: string, protocol: 'pop3' | 'imap') => {
    const server = await startDovecot({ directory: join(directory, name), protocols: [protocol] });
    if (keep) server.leave();
    else closers.push(() => server.stop());
    return server;
  };
  return { source: await start('source', 'pop3'), destination: await start('destination', 'imap') };
}

/** Hauls, compares, hauls again. Returns the exit status. */
async function haulTwice(directory: string, servers: Servers, insist: () => void): Promise<number> {
  const { env } = process;
  const settings = loadSettings({ env: {}, options: { dataDir: join(directory, 'data') } });
  const list = await writeSampleList(directory, servers.source.popPort, servers.destination.imapPort);
  const accounts = await chooseAccounts(list, {}, settings, warn);
  const interrupt = onInterrupt(insist);
  const { signal } = interrupt;
  const service = await openService({
    settings,
    accounts,
    log: commandLog(settings),
    env,
    signal,
    roles: new Set(haulRoles),
  });
  const haul = async (): Promise<Report> => {
    const display = await displayFor({}, process.stderr, settings.progressLogMs);
    const onTally: Parameters<typeof sync>[1]['onTally'] = (tally, now) => display.show(tally, now);
    const report = await sync(service, { settings, accounts, recheck: false, signal, onTally });
    display.end();
    say(`\n${reportText(report)}`);
    return report;
  };
  try {
    say('First run: everything is copied. The source is only read.');
    const first = await haul();
    if (signal.aborted) return 130;
    const equal = await proveEqual(servers);
    say('Second run: nothing may be copied twice.');
    const second = await haul();
    const again = second.totals.messages.appended;
    say(again === 0 ? 'The second run appended nothing.' : `The second run appended ${again} messages: a fault.`);
    return exitStatus(first) || exitStatus(second) || (equal && again === 0 ? 0 : 1);
  } finally {
    await service.close();
    interrupt.stop();
  }
}

/** Reads both servers over bare sockets, with none of the code that moved the mail, and holds the bytes together. */
async function proveEqual({ source, destination }: Servers): Promise<boolean> {
  const total = { source: 0, destination: 0, absent: 0, extra: 0, doubled: 0 };
  for (const user of sampleUsers) {
    const login = { user, password: samplePassword };
    const compared = await compareMailboxes(
      popContents({ ...login, port: source.popPort }),
      mailboxContents({ ...login, port: destination.imapPort }),
    );
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += compared[name];
  }
  const equal = total.absent + total.extra + total.doubled === 0 && total.source > 0;
  const copies = total.source - total.destination;
  say('Comparing the bytes of every message on both servers, with a reader of its own:');
  say(
    equal
      ? `  all equal: ${number(total.source)} messages at the source, each at the destination, not a byte different, none doubled` +
          `${copies > 0 ? ` (${copies} identical copies are stored once)` : ''}.\n`
      : `  NOT EQUAL: ${total.absent} absent, ${total.extra} altered or foreign, ${total.doubled} doubled.\n`,
  );
  return equal;
}

function tellHowToLook(directory: string, { source, destination }: Servers): void {
  const [user] = sampleUsers;
  say(`\nThe servers are still running. Users: ${sampleUsers.join(', ')}; password of each: ${samplePassword}`);
  say(
    `  IMAP 127.0.0.1:${destination.imapPort} (no TLS), POP3 127.0.0.1:${source.popPort} (no TLS), for any mail program, or:`,
  );
  say(`  doveadm -c ${join(destination.directory, 'dovecot.conf')} mailbox status -u ${user} messages '*'`);
  say(`  npx mailhaul sync ${join(directory, 'accounts.csv')} --data-dir ${join(directory, 'data')}`);
  say(`To end them: kill ${source.pid} ${destination.pid}; rm -r ${directory}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
