/** A real Dovecot on loopback ports, with all its files in one directory: for the demonstration and for the tests. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type DovecotConfig, type DovecotPorts, dovecotConfig, type SpecialUse } from './dovecot-config.ts';
import { DovecotMaster } from './dovecot-master.ts';
import { findDovecot, mailOwner, type Owner, openTo, shortTmp } from './dovecot-system.ts';
import { freePorts } from './free-ports.ts';

/** What to start. */
export interface DovecotOptions {
  /** Where configuration, log and mail go; created when missing, kept at the end. */
  directory: string;
  protocols: readonly ('pop3' | 'imap')[];
  /** `maildir` when not given. */
  storage?: 'maildir' | 'mdbox';
  /** The whole list of capabilities that IMAP announces after the login, for example `IMAP4rev1 UIDPLUS`. */
  imapCapability?: string;
  /** A certificate makes the server offer STARTTLS, and TLS at once on the ports of POP3S and IMAPS. */
  tls?: { certFile: string; keyFile: string };
  /** Password by user. Not given: any user may log in, with the password `pw`. */
  users?: Readonly<Record<string, string>>;
  /** Sent, Drafts, Junk and Trash when not given. */
  specialUse?: readonly SpecialUse[];
  /** Mailboxes that every user has besides, without an attribute; `/` separates levels. */
  mailboxes?: readonly string[];
  /** Where a user's mailboxes are, such as `INBOX.`, and what separates their levels. */
  namespace?: { prefix: string; separator: string };
  /** Further lines of configuration, which win over those before them. */
  extra?: string;
}

/** A running Dovecot. */
export interface Dovecot {
  readonly popPort: number;
  readonly popsPort: number;
  readonly imapPort: number;
  readonly imapsPort: number;
  /** The master process, which leads a process group of its own. */
  readonly pid: number;
  readonly directory: string;
  /** A user's mail is below `mailRoot/USER`. */
  readonly mailRoot: string;
  readonly storage: 'maildir' | 'mdbox';
  /** Who owns the mail. */
  readonly owner: Owner;
  /** Runs doveadm with this server's configuration and gives its standard output. */
  doveadm(args: readonly string[]): Promise<string>;
  /** Ends the server as an administrator does, and returns when all its processes are gone. */
  stop(): Promise<void>;
  /** Kills all its processes at once, as a power cut does. */
  kill(): Promise<void>;
  /** Leaves it running when this process ends. */
  leave(): void;
  /** Starts again on the same ports with the same mail; stops first where it still runs. */
  restart(): Promise<void>;
}

const doveadmMaxBytes = 64 * 1024 * 1024;
const run = promisify(execFile);

/**
 * Starts a Dovecot and returns when every one of its ports answers. Root and ordinary users may do this; as root the
 * mail belongs to the user `mail`, to whom the directory is opened. Throws `demo-incomplete` when it does not come up.
 */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const programs = await findDovecot();
  const [pop = 0, pops = 0, imap = 0, imaps = 0] = await freePorts(4);
  const config = await configure(options, { pop, pops, imap, imaps });
  const { directory, storage, owner, runDirectory, usersFile } = config;
  const configFile = join(directory, 'dovecot.conf');
  await writeFile(configFile, dovecotConfig(config));
  const master = new DovecotMaster({
    command: [programs.dovecot, '-F', '-c', configFile],
    logFile: join(directory, 'dovecot.log'),
    ports: options.protocols.map((protocol) => (protocol === 'pop3' ? pop : imap)),
    runDirectory,
    runFiles: usersFile ? { [usersFile]: passwdFile(options.users ?? {}) } : {},
  });
  await master.start();
  return {
    popPort: pop,
    popsPort: pops,
    imapPort: imap,
    imapsPort: imaps,
    directory,
    mailRoot: join(directory, 'mail'),
    storage,
    owner,
    get pid() {
      return master.pid;
    },
    doveadm: async (args) => {
      const { stdout } = await run(programs.doveadm, ['-c', configFile, ...args], { maxBuffer: doveadmMaxBytes });
      return stdout;
    },
    leave: () => master.leave(),
    stop: () => master.end('SIGTERM'),
    kill: () => master.end('SIGKILL'),
    restart: async () => {
      await master.end('SIGTERM');
      await master.start();
    },
  };
}

/** Makes the directories and decides what the options leave open. */
async function configure(options: DovecotOptions, ports: DovecotPorts): Promise<DovecotConfig> {
  const { uid, gid, username } = userInfo();
  const directory = resolve(options.directory);
  const mailRoot = join(directory, 'mail');
  await mkdir(mailRoot, { recursive: true });
  const owner = uid === 0 ? await mailOwner() : { uid, gid };
  if (uid === 0) await openTo(owner, directory, mailRoot);
  const runDirectory = join(shortTmp(), `mailhaul-${randomBytes(4).toString('hex')}`);
  return {
    protocols: options.protocols,
    directory,
    runDirectory,
    ports,
    storage: options.storage ?? 'maildir',
    specialUse: options.specialUse ?? ['Sent', 'Drafts', 'Junk', 'Trash'],
    mailboxes: options.mailboxes ?? [],
    namespace: options.namespace,
    imapCapability: options.imapCapability,
    tls: options.tls,
    usersFile: options.users && join(runDirectory, 'users'),
    owner,
    runAs: uid === 0 ? undefined : { user: username, group: (await run('id', ['-gn'])).stdout.trim() },
    extra: options.extra ?? '',
  };
}

/** Base64 keeps a colon in a password from ending its field; names are looked up with these three escaped. */
function passwdFile(users: Readonly<Record<string, string>>): string {
  const line = ([user, password]: [string, string]) =>
    `${user.replace(/["'\\]/g, '\\$&')}:{PLAIN.b64}${Buffer.from(password).toString('base64')}\n`;
  return Object.entries(users).map(line).join('');
}
