/** Other programs for the same work, where they are installed: what each is told, and what it can do (design §10). */
import { execFile } from 'node:child_process';
import { chown, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { type Measured, MeasuredProcess } from './measured-process.ts';

/** One of them. */
export type PeerName = 'mpop' | 'getmail' | 'fetchmail' | 'dsync' | 'dsync-imapc' | 'pop2imap';

/** One copy by a peer. */
export interface PeerTask {
  readonly popPort: number;
  readonly imapPort: number;
  readonly from: string;
  readonly to: string;
  /** Where the copy goes; some write into its mail store themselves. */
  readonly server: Dovecot;
  /** Empty; settings and state of the peer go here. */
  readonly directory: string;
  /** The program's path, where it is not looked for. */
  readonly pop2imap: string | undefined;
}

interface Peer {
  /** Found on PATH. */
  readonly program: string;
  /** How it brings mail to its destination, for the notes. */
  readonly does: string;
  /** The command that says its version. */
  readonly version: (task: PeerTask) => readonly string[];
  /** Exit statuses that are no failure. */
  readonly fine: readonly number[];
  /** Writes its settings and gives its command. */
  readonly command: (task: PeerTask) => Promise<readonly string[]> | readonly string[];
}

const run = promisify(execFile);
const limitMs = 20 * 60_000;
const host = '127.0.0.1';

/** All peers, in the order in which they are shown. */
export const peers: Record<PeerName, Peer> = {
  mpop: {
    program: 'mpop',
    does: 'writes the files of the Maildir itself',
    version: () => ['mpop', '--version'],
    fine: [0],
    command: async (task) => {
      const settings = [
        'account default',
        `host ${host}`,
        `port ${task.popPort}`,
        `user ${task.from}`,
        'password pw',
        'auth user',
        'tls off',
        'keep on',
        'received_header off',
        'pipelining on',
        `uidls_file ${join(task.directory, 'uidls')}`,
        `delivery maildir ${await newMaildir(task)}`,
      ];
      return ['mpop', '-q', '-C', await settingsFile(task, 'mpoprc', settings)];
    },
  },
  getmail: {
    program: 'getmail',
    does: 'writes the files of the Maildir itself',
    version: () => ['getmail', '--version'],
    fine: [0],
    command: async (task) => {
      const settings = [
        '[retriever]',
        'type = SimplePOP3Retriever',
        `server = ${host}`,
        `port = ${task.popPort}`,
        `username = ${task.from}`,
        'password = pw',
        '[destination]',
        'type = Maildir',
        // With a slash at the end, as it wants it.
        `path = ${await newMaildir(task)}/`,
        '[options]',
        'read_all = false',
        'delete = false',
        'delivered_to = false',
        'received = false',
        'verbose = 0',
      ];
      return [
        'getmail',
        `--getmaildir=${task.directory}`,
        `--rcfile=${await settingsFile(task, 'getmailrc', settings)}`,
      ];
    },
  },
  fetchmail: {
    program: 'fetchmail',
    does: 'hands each message to dovecot-lda',
    version: () => ['fetchmail', '--version'],
    // 1: there was nothing new.
    fine: [0, 1],
    command: async (task) => {
      const log = `log_path=${join(task.directory, 'lda.log')}`;
      const lda = `${await libexec(task)}/dovecot-lda -c ${configOf(task)} -o ${log} -d ${task.to}`;
      const settings = [
        `poll ${host} protocol pop3 port ${task.popPort} uidl:`,
        `user "${task.from}" password "pw" sslproto "" keep mda "${lda}"`,
      ];
      const files = ['ids', 'pid'].flatMap((name) => [
        `--${name === 'ids' ? 'id' : 'pid'}file`,
        join(task.directory, name),
      ]);
      return ['fetchmail', '--silent', ...files, '-f', await settingsFile(task, 'fetchmailrc', settings)];
    },
  },
  dsync: {
    program: 'doveadm',
    does: 'writes the mail store itself',
    // On the first line, before the settings.
    version: (task) => ['doveadm', '-c', configOf(task), 'config', '-n'],
    fine: [0],
    command: (task) => dsync(task, []),
  },
  'dsync-imapc': {
    program: 'doveadm',
    does: 'appends over IMAP',
    // On the first line, before the settings.
    version: (task) => ['doveadm', '-c', configOf(task), 'config', '-n'],
    fine: [0],
    command: (task) =>
      dsync(task, [
        `mail_location=imapc:${join(task.directory, 'imapc')}`,
        `imapc_host=${host}`,
        `imapc_port=${task.imapPort}`,
        `imapc_user=${task.to}`,
        'imapc_password=pw',
      ]),
  },
  pop2imap: {
    program: 'perl',
    does: 'appends over IMAP, one message after the other',
    version: ({ pop2imap = '' }) => ['perl', pop2imap, '--version'],
    fine: [0],
    command: ({ pop2imap = '', popPort, imapPort, from, to }) => [
      ...['perl', pop2imap],
      ...['--host1', host, '--port1', String(popPort), '--user1', from, '--password1', 'pw'],
      ...['--host2', host, '--port2', String(imapPort), '--user2', to, '--password2', 'pw'],
      ...['--folder', 'INBOX'],
    ],
  },
};

function configOf({ server }: Pick<PeerTask, 'server'>): string {
  return join(server.directory, 'dovecot.conf');
}

function dsync({ server, popPort, from, to, directory }: PeerTask, more: readonly string[]): string[] {
  const settings = [
    'namespace/inbox/separator=/',
    `pop3c_host=${host}`,
    `pop3c_port=${popPort}`,
    `pop3c_user=${from}`,
    'pop3c_password=pw',
    ...more,
  ];
  const given = settings.flatMap((setting) => ['-o', setting]);
  // Without a place for its index a second run would lose mail.
  const source = `pop3c:${join(directory, 'pop3c')}`;
  return ['doveadm', '-c', configOf({ server }), ...given, 'sync', '-1', '-R', '-u', to, source];
}

/** Whether a row is one of them. */
export function isPeer(row: string): row is PeerName {
  return Object.hasOwn(peers, row);
}

/** Why a peer cannot be measured; undefined when it can. */
export async function missingPeer(name: PeerName, pop2imap: string | undefined): Promise<string | undefined> {
  if (name === 'pop2imap' && pop2imap === undefined) return 'give --pop2imap PATH';
  if (name === 'pop2imap' && !(await isFile(pop2imap!))) return `${pop2imap} is no file`;
  const { program } = peers[name];
  return (await onPath(program)) ? undefined : `${program} is not installed`;
}

/** Runs a peer to its end, as the owner of the mail. */
export async function runPeer(name: PeerName, task: PeerTask): Promise<Measured & { version: string }> {
  const peer = peers[name];
  const command = await peer.command(task);
  const { uid, gid } = task.server.owner;
  for (const path of [task.directory, ...(await readdir(task.directory)).map((file) => join(task.directory, file))]) {
    await chown(path, uid, gid);
  }
  const { PATH, PERL5LIB } = process.env;
  const env = { PATH, PERL5LIB, HOME: task.directory, TMPDIR: task.directory };
  const asOwner = process.getuid?.() === uid ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const measured = await MeasuredProcess.start([...asOwner, ...command], { directory: task.directory, limitMs, env })
    .ended;
  const [program = '', ...args] = peer.version(task);
  const said = await run(program, args).catch(() => ({ stdout: '' }));
  // They start one process after the other: only the largest says something.
  const processes = [...measured.processes].sort((a, b) => b.peakRssMB - a.peakRssMB).slice(0, 1);
  return { ...measured, processes, version: /\d+(?:\.\d+)+/.exec(said.stdout)?.[0] ?? '' };
}

async function onPath(program: string): Promise<boolean> {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const found = await Promise.all(directories.map((path) => isFile(join(path, program))));
  return found.includes(true);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

/** An empty Maildir where the server looks for the user's mail. */
async function newMaildir({ server, to }: PeerTask): Promise<string> {
  const home = join(server.mailRoot, to);
  const maildir = join(home, 'Maildir');
  const paths = [home, maildir, ...['cur', 'new', 'tmp'].map((name) => join(maildir, name))];
  for (const path of paths) {
    await mkdir(path, { mode: 0o700 });
    await chown(path, server.owner.uid, server.owner.gid);
  }
  return maildir;
}

async function settingsFile({ directory }: PeerTask, name: string, lines: readonly string[]): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}

/** Where Dovecot keeps the programs that it starts. */
async function libexec({ server }: PeerTask): Promise<string> {
  return (await server.doveadm(['config', '-h', 'libexec_dir'])).trim();
}
