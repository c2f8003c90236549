import { describe, expect, it } from 'vitest';
import { loginKeys } from '../../src/ground/keys.ts';
import { contentMark, ownerOf } from '../../src/ledger/index-shard.ts';
import { IndexUids } from '../../src/ledger/index-uids.ts';
import { MailboxIndex } from '../../src/ledger/mailbox-index.ts';
import { type LedgerRecord, uidlKey } from '../../src/ledger/record.ts';
import { useRedis } from './redis-rig.ts';

const redis = useRedis();
const account = 'd'.repeat(32);
const login = 'e'.repeat(32);
const keyOf = (name: string) => uidlKey(Buffer.from(name));
const content = (byte: number) => Buffer.alloc(8, byte);
const record = (name: string, uid: number, mark = 0): LedgerRecord => {
  return { key: keyOf(name), outcome: 'appended', mailbox: 1, uid, size: 1, content: content(mark), run: 1 };
};
const fingerprint = (byte: number) => Buffer.alloc(9, byte);
const claimed = (name: string, print: number, uid: number, mark = 0) => {
  const owner = ownerOf(account, keyOf(name).toString('hex'));
  return { fingerprint: fingerprint(print), uid, content: contentMark(content(mark).toString('hex')), owner };
};
const free = (print: number, uid: number) => ({ fingerprint: fingerprint(print), uid, content: 0, owner: 0 });

async function index(records: Parameters<MailboxIndex['put']>[0]): Promise<IndexUids> {
  const { client } = redis;
  await client.set(loginKeys.lease(login), 'mine');
  const opened = await MailboxIndex.open(client, login, 'INBOX', 'mine');
  await opened.prepare(77, 500);
  await opened.put(records);
  return IndexUids.read(client, login, 'INBOX');
}

describe('the UIDs of an index', () => {
  it('bear out those of the ledger, and no others', async () => {
    const uids = await index([claimed('a', 1, 5, 3), free(2, 6), claimed('c', 3, 7, 4)]);
    expect(uids.uidValidity).toBe(77);
    expect(uids.uidOf(account, record('a', 5))).toBe(5);
    // Found at the destination: the mailbox may have been replaced since.
    expect(uids.uidOf(account, record('b', 6))).toBe(0);
    expect(uids.uidOf(account, record('b', 7))).toBe(0);
    expect(uids.uidOf(account, record('renamed', 7, 4))).toBe(7);
    expect(uids.uidOf(account, record('a', 9))).toBe(0);
  });

  it('are found where the destination told none, and only one message can be meant', async () => {
    const twins = [claimed('x', 3, 0), free(3, 20), free(3, 21)];
    const both = [claimed('y', 4, 0), claimed('z', 4, 0), free(4, 30)];
    const uids = await index([claimed('a', 1, 0), free(1, 10), ...twins, ...both, claimed('n', 5, 0)]);
    expect(uids.uidOf(account, record('a', 0))).toBe(10);
    for (const name of ['x', 'y', 'z', 'n', 'never']) expect(uids.uidOf(account, record(name, 0))).toBe(0);
  });

  it('are none of a mailbox that has no index', async () => {
    expect((await IndexUids.read(redis.client, login, 'Other')).uidValidity).toBe(0);
  });
});
