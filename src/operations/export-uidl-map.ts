/**
 * The map from the unique ids of POP3 to UIDs of the destination, for servers that can keep them: whoever stays on POP3
 * then does not download everything again. The source is listed; the destination is not opened.
 */
import type { Account } from '../accounts/account.ts';
import { openLogin } from '../accounts/login.ts';
import { TokenDesk } from '../accounts/oauth/token-desk.ts';
import { openWithin } from '../download/pace.ts';
import { pick } from '../download/pick.ts';
import { untilStopped } from '../download/stoppable.ts';
import { systemClock } from '../ground/clock.ts';
import { exactCsvLine } from '../ground/csv.ts';
import { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { IndexUids } from '../ledger/index-uids.ts';
import { keyBytes } from '../ledger/record.ts';
import { LedgerTable } from '../ledger/table.ts';
import { loginKey } from '../limits/lease.ts';
import { inSourceTurn } from '../limits/look.ts';
import { type Wait, waitText } from '../limits/waits.ts';
import { PopClient } from '../pop3/client.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { ExportOptions } from './export-messages.ts';
import { tryAgain } from './try-again.ts';

const columns = ['uidl', 'mailbox', 'uidvalidity', 'uid', 'size'] as const;
const pieceChars = 65536;

/** Where one message of the source stands. */
export interface MappedMessage {
  /** The source's unique id, as Latin-1. */
  readonly uidl: string;
  readonly mailbox: string;
  readonly uidValidity: number;
  readonly uid: number;
  /** Bytes at the source. */
  readonly size: number;
}

/** The map of one account. Listed messages are the sum of the counts and of those that were accepted. */
export interface UidlMap {
  readonly messages: readonly MappedMessage[];
  /** Delivered, and their UIDs are not known for certain. */
  readonly unsure: number;
  /** Not delivered yet, or refused. */
  readonly missing: number;
  /** Without a unique id of their own. */
  readonly anonymous: number;
}

/**
 * The messages that went to one mailbox. Throws `usage` where none did: another name is meant, or another account.
 */
export function inMailbox({ messages }: UidlMap, name: string): MappedMessage[] {
  const same = (path: string) => path === name || (path.toUpperCase() === 'INBOX' && name.toUpperCase() === 'INBOX');
  const found = messages.filter(({ mailbox }) => same(mailbox));
  if (found.length > 0) return found;
  const others = [...new Set(messages.map(({ mailbox }) => mailbox))].slice(0, 10).join(', ') || 'none';
  throw new MailhaulError('usage', { reason: `no mail of this account went to ${name}; where it went: ${others}` });
}

/** The map as CSV (RFC 4180), piece by piece. Cells are exact: an id that is changed is no id. */
export function* uidlMapCsv({ messages }: UidlMap): Generator<Buffer> {
  let text = exactCsvLine(columns);
  for (const { uidl, mailbox, uidValidity, uid, size } of messages) {
    text += exactCsvLine([uidl, mailbox, uidValidity, uid, size]);
    if (text.length < pieceChars) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}

/** Makes the map. Throws MailhaulError. */
export async function uidlMap(options: ExportOptions): Promise<UidlMap> {
  const { redis, account } = options;
  const listing = await listSource(options);
  const ledger = await LedgerTable.load(redis, account.key);
  const { keys, hasOwnUidl } = pick(listing, ledger, new Set(), 0);
  const mailboxes = await indexesOf(redis, account);
  const messages: MappedMessage[] = [];
  const counts = { unsure: 0, missing: 0, anonymous: 0 };
  for (let place = 0; place < listing.length; place += 1) {
    const record = ledger.get(keys.subarray(place * keyBytes, (place + 1) * keyBytes));
    const delivered = record?.outcome === 'appended' || record?.outcome === 'duplicate';
    const found = delivered ? mailboxes.get(record.mailbox) : undefined;
    const uid = found ? found.index.uidOf(account.key, record!) : 0;
    if (!hasOwnUidl(place)) counts.anonymous += 1;
    else if (found && uid !== 0) {
      const { path: mailbox, index } = found;
      const uidl = listing.uidl(place).toString('latin1');
      messages.push({ uidl, mailbox, uidValidity: index.uidValidity, uid, size: record!.size });
    } else if (delivered) counts.unsure += 1;
    else if (record?.outcome !== 'accepted') counts.missing += 1;
  }
  return { messages, ...counts };
}

function listSource({
  redis,
  settings,
  env,
  account,
  signal,
  log,
  ...options
}: ExportOptions): Promise<MaildropListing> {
  const logins = { env, settings, tokens: new TokenDesk({ redis, settings, env, signal }), log };
  const onWait = (wait: Wait) => options.onWait(waitText(wait, systemClock.now()));
  const context = { redis, settings, signal, onWait };
  return tryAgain(settings, signal, async () => {
    const endpoint = await openLogin(account, 'source', logins);
    return inSourceTurn(endpoint, context, async ({ lease, budget }) => {
      const client = await openWithin(budget, endpoint, lease, context, PopClient.connect);
      return untilStopped(client, signal, async () => {
        const listing = await client.list();
        await client.quit();
        return listing;
      });
    });
  });
}

/** The mailboxes of the ledger by their numbers. */
async function indexesOf(
  redis: RedisClient,
  { key, destination }: Account,
): Promise<Map<number, { path: string; index: IndexUids }>> {
  const numbers = await redis.hgetall(accountKeys.mailboxes(key));
  const found = new Map<number, { path: string; index: IndexUids }>();
  for (const [path, number] of Object.entries(numbers)) {
    const index = await IndexUids.read(redis, loginKey('imap', destination), path);
    if (index.uidValidity !== 0) found.set(Number(number), { path, index });
  }
  return found;
}
