/** Mail that is owed stays owed until the ledger or a listing tells what became of it. */
import { describe, expect, it } from 'vitest';
import { Books } from '../../src/download/books.ts';
import { pick } from '../../src/download/pick.ts';
import { noteOwed, readOwed } from '../../src/ledger/owed.ts';
import { packRecord, uidlKey } from '../../src/ledger/record.ts';
import { readRun, startRun } from '../../src/ledger/run.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import { parseListing } from '../../src/pop3/listing.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const account = 'd'.repeat(32);
const endpoint = { host: 'mail.example.com' };
const keyOf = (uidl: string) => uidlKey(Buffer.from(uidl));
const nameOf = (uidl: string) => keyOf(uidl).toString('hex');

/** Opens the books over a listing of one message, `listed`, that is none of those which are owed. */
async function open(where: { appended?: string[]; spooled?: string[] }): Promise<{ owed: string[]; failed?: number }> {
  const { client } = redis;
  await startRun(client, account, 'r1', 1000, false);
  const fixed = { outcome: 'appended', mailbox: 0, uid: 0, size: 0, content: Buffer.alloc(8), run: 1 } as const;
  const records = (where.appended ?? []).map((uidl) => packRecord({ ...fixed, key: keyOf(uidl) }));
  const ledger = new LedgerTable(Buffer.concat(records));
  const spooled = new Set((where.spooled ?? []).map(nameOf));
  const options = { popListingMaxMessages: 10, popUidlMaxBytes: 100 };
  const listing = parseListing(Buffer.from('1 10\r\n'), Buffer.from('1 listed\r\n'), { endpoint, options });
  const books = new Books(client, account, { runId: 'r1', endpoint }, 1, pick(listing, ledger, spooled, 1));
  await books.open(ledger, spooled);
  const owed = [...(await readOwed(client, account)).keys()];
  return { owed, ...(await readRun(client, account)) };
}

describe('mail of a spool that was lost', () => {
  it('is failed, and owed still, where no listing shows it', async () => {
    await noteOwed(redis.client, account, [nameOf('a'), nameOf('b')], 'spool-lost');
    expect(await open({})).toMatchObject({ failed: 2, listed: 3, owed: expect.arrayContaining([nameOf('a')]) });
  });

  it('is owed no more once the ledger has it', async () => {
    await noteOwed(redis.client, account, [nameOf('a')], 'spool-lost');
    expect(await open({ appended: ['a'] })).toMatchObject({ failed: 0, owed: [] });
  });

  it('stays owed when the spool had it a moment before it was lost', async () => {
    await noteOwed(redis.client, account, [nameOf('a')], 'spool-lost');
    expect(await open({ spooled: ['a'] })).toMatchObject({ failed: 0, owed: [nameOf('a')] });
  });
});
