/**
 * The plain loop: what is written in an afternoon with the two libraries at hand, one message after the other. It does
 * not keep every byte: node-pop3 changes mail (docs/decisions/0002).
 * Arguments: POP_PORT IMAP_PORT SOURCE=DESTINATION…; any user, password pw. Prints how many messages it copied and how
 * often node-pop3 had to be given up on, because a segment had ended inside the end of an answer.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { ImapFlow } from 'imapflow';
import Pop3Command from 'node-pop3';

/** After this time without an answer the loop logs in again; what these waits cost is not charged to it. */
export const hangMs = 5_000;

const host = '127.0.0.1';

/** Copies one maildrop into one INBOX. */
export async function copyOneByOne(
  popPort: number,
  imapPort: number,
  from: string,
  to: string,
): Promise<{ messages: number; hangs: number }> {
  const login = () => new Pop3Command({ host, port: popPort, user: from, password: 'pw' });
  const imap = new ImapFlow({ host, port: imapPort, secure: false, auth: { user: to, pass: 'pw' }, logger: false });
  await imap.connect();
  let pop = login();
  const listing = (await pop.UIDL()) as string[][];
  let hangs = 0;
  let messages = 0;
  while (messages < listing.length) {
    const text = await inTime(pop.RETR(Number(listing[messages]![0])));
    if (text === undefined) {
      hangs += 1;
      (pop as unknown as { _socket: { destroy(): void } | null })._socket?.destroy();
      pop = login();
      continue;
    }
    await imap.append('INBOX', text, ['\\Seen']);
    messages += 1;
  }
  await pop.QUIT();
  await imap.logout();
  return { messages, hangs };
}

async function inTime(answer: Promise<string>): Promise<string | undefined> {
  const given = new AbortController();
  const late = wait(hangMs, undefined, { signal: given.signal }).catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    given.abort();
  }
}

async function main(args: readonly string[]): Promise<void> {
  const [popPort, imapPort] = args.slice(0, 2).map(Number);
  const total = { messages: 0, hangs: 0 };
  for (const pair of args.slice(2)) {
    const [from = '', to = ''] = pair.split('=');
    const { messages, hangs } = await copyOneByOne(popPort!, imapPort!, from, to);
    total.messages += messages;
    total.hangs += hangs;
  }
  process.stdout.write(`${JSON.stringify(total)}\n`);
}

if (process.argv[1] !== undefined && /\bplain-loop\.[jt]s$/.test(process.argv[1])) await main(process.argv.slice(2));
