/** The sample mailboxes of the demonstration: all messages of the corpus, dealt out to a few users. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dovecot } from './dovecot.ts';
import { type Delivery, deliver } from './maildir.ts';
import { realMail } from './real-mail.ts';

/** Users and how many of every twelve messages each gets: mailboxes are never of one size. */
const shares: readonly (readonly [user: string, share: number])[] = [
  ['ada', 5],
  ['ben', 3],
  ['cleo', 2],
  ['dan', 1],
  ['eve', 1],
];

/** Everybody's password on the servers of the demonstration. */
export const samplePassword = 'pw';

/** The users, in the order of the list. */
export const sampleUsers: readonly string[] = shares.map(([user]) => user);

/** Fills the users' maildrops with real mail; returns how many messages there are. */
export async function fillSource(server: Dovecot): Promise<number> {
  const dealt = new Map<string, Delivery[]>(sampleUsers.map((user) => [user, []]));
  const turns = shares.flatMap(([user, share]) => Array.from({ length: share }, () => user));
  let count = 0;
  for await (const { bytes } of realMail()) {
    dealt.get(turns[count % turns.length]!)!.push({ bytes });
    count += 1;
  }
  for (const [user, messages] of dealt) await deliver({ server, user }, messages);
  return count;
}

/** Writes the account list that names both servers; returns its path. */
export async function writeSampleList(directory: string, popPort: number, imapPort: number): Promise<string> {
  const path = join(directory, 'accounts.csv');
  const header =
    'id,pop_host,pop_port,pop_security,pop_user,pop_password,imap_host,imap_port,imap_security,imap_user,imap_password';
  const lines = sampleUsers.map((user) =>
    [
      user,
      `127.0.0.1,${popPort},none,${user},${samplePassword}`,
      `127.0.0.1,${imapPort},none,${user},${samplePassword}`,
    ].join(','),
  );
  await writeFile(path, `${[header, ...lines].join('\n')}\n`, { mode: 0o600 });
  return path;
}
