/** What the machine gives a Dovecot that is started by hand: its programs, an owner for the mail, a short path. */
import { chmod, chown, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { MailhaulError } from '../ground/errors.ts';

/** Numeric user and group of files. */
export interface Owner {
  uid: number;
  gid: number;
}

const systemDirectories = [
  '/usr/sbin',
  '/usr/bin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/opt/homebrew/sbin',
  '/opt/homebrew/bin',
];

/** The paths of Dovecot's programs. Throws `demo-incomplete` when they are not installed. */
export async function findDovecot(): Promise<{ dovecot: string; doveadm: string }> {
  const [dovecot, doveadm] = await Promise.all([findProgram('dovecot'), findProgram('doveadm')]);
  if (dovecot && doveadm) return { dovecot, doveadm };
  throw new MailhaulError('demo-incomplete', { what: 'Dovecot', reason: 'it is not installed' });
}

async function findProgram(name: string): Promise<string | undefined> {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  for (const directory of [...directories, ...systemDirectories]) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return path;
  }
  return undefined;
}

/** Dovecot does not touch mail as root: the system's `mail` has it, or `nobody` where there is no such user. */
export async function mailOwner(): Promise<Owner> {
  const rows = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const row = rows.find(([name]) => name === 'mail') ?? rows.find(([name]) => name === 'nobody');
  if (row?.[2] && row[3]) return { uid: Number(row[2]), gid: Number(row[3]) };
  throw new MailhaulError('demo-incomplete', {
    what: 'Dovecot',
    reason: 'no user named mail or nobody can own the mail',
  });
}

/**
 * Gives `mailRoot` to the owner, and lets others pass through `directory` and what is above it, up to the system's
 * temporary directory (mkdtemp closes what it makes). Directories elsewhere are left as they are: throws `demo-incomplete`
 * when one of them is closed.
 */
export async function openTo(owner: Owner, directory: string, mailRoot: string): Promise<void> {
  await chown(mailRoot, owner.uid, owner.gid);
  for (let path = directory; dirname(path) !== path; path = dirname(path)) {
    const { mode } = await stat(path);
    if (mode & 0o001) continue;
    if (path !== directory && !path.startsWith(`${tmpdir()}/`)) {
      throw new MailhaulError('demo-incomplete', {
        what: 'Dovecot',
        reason: `Dovecot cannot reach its mail: ${path} is closed to other users`,
      });
    }
    await chmod(path, mode | 0o011);
  }
}

/** A temporary directory whose path leaves room for the names of sockets: they may have 107 bytes in all. */
export function shortTmp(): string {
  return tmpdir().length > 60 ? '/tmp' : tmpdir();
}
