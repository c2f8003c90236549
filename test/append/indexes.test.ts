import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Indexes } from '../../src/append/indexes.ts';
import { loginKeys } from '../../src/ground/keys.ts';
import type { Settings } from '../../src/ground/settings.ts';
import { MailboxClient } from '../../src/imap/mailboxes.ts';
import { indexedAs, indexedUidValidity } from '../../src/ledger/index-kind.ts';
import type { MailboxIndex } from '../../src/ledger/mailbox-index.ts';
import { fingerprint } from '../../src/message/fingerprint.ts';
import { headerFields } from '../../src/message/header.ts';
import { endpoint, quick } from '../imap/imap-rig.ts';
import { codeOf, useRedis } from '../ledger/redis-rig.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';

const redis = useRedis();
const lease = { login: 'e'.repeat(32), token: 'the token' };
const mail = (n: number) => Buffer.from(`Message-ID: <${n}@x>\r\nSubject: ${n}\r\n\r\n${n}\r\n`);

let imap: ScriptedImap;
let client: MailboxClient;

beforeEach(async () => {
  imap = await ScriptedImap.start({});
  for (let n = 1; n <= 3; n += 1) imap.store('INBOX', mail(n));
  client = await MailboxClient.connect(endpoint(imap.port), quick);
  await redis.client.set(loginKeys.lease(lease.login), lease.token);
});

afterEach(async () => {
  client.destroy();
  await imap.stop();
});

function openIndexes(dedupe: Settings['dedupe'], looker = () => Promise.resolve(client)): Indexes {
  const settings = { dedupe, headerMaxBytes: 10_000 } as Settings;
  return new Indexes({ redis: redis.client, settings, host: 'imap.test', lease, recheck: false, looker });
}

async function stateOf(path: string) {
  const { messages, ...counters } = await client.status(path);
  return { path, ...counters, exists: messages };
}

const markOf = (n: number, kind: 'headers' | 'content' | 'message-id') =>
  fingerprint(headerFields(mail(n)), kind).bytes;

/** Says that the second message is the twin of message 7 of a source. */
async function claimSecond(): Promise<void> {
  const index = await openIndexes('confirmed').ofTarget(await stateOf('INBOX'), 0);
  await index.put([{ fingerprint: markOf(2, 'headers'), uid: 2, content: 77, owner: 7 }]);
}

describe('the index of a mailbox, after a change of what makes twins', () => {
  it('holds the other kind of fingerprints, and still whose twin each message is', async () => {
    await claimSecond();
    const { index, carried } = (await openIndexes('content').ofNeighbour('INBOX'))!;
    expect(carried).toBe(true);
    const found = await index.find([1, 2, 3].map((n) => markOf(n, 'content')));
    expect(found.flat()).toMatchObject([
      { uid: 1, owner: 0 },
      { uid: 2, owner: 7, content: 77 },
      { uid: 3, owner: 0 },
    ]);
    expect(await index.find([markOf(2, 'headers')])).toEqual([[]]);
    expect(await indexedUidValidity(redis.client, lease.login, 'INBOX')).toBe(index.uidValidity);
  });

  it('takes over in the next session as well, and back again, without what it had before', async () => {
    await claimSecond();
    for (const dedupe of ['message-id', 'content', 'confirmed', 'off'] as const) {
      const indexes = openIndexes(dedupe);
      const index = await indexes.ofTarget(await stateOf('INBOX'), 5);
      expect(index.records, dedupe).toBe(3);
      const { kind } = await indexedAs(redis.client, lease.login, 'INBOX');
      expect((await index.find([markOf(2, kind)])).flat(), dedupe).toMatchObject([{ uid: 2, owner: 7 }]);
    }
    const shards = await redis.client.keys(`mh:{${lease.login}}:index:*:*:*`);
    expect(shards).toHaveLength(1);
  });

  it('counts only when it is whole: whoever was cut off finds the old one', async () => {
    await claimSecond();
    const cutOff = openIndexes('content', async () => {
      await redis.client.set(loginKeys.lease(lease.login), 'another');
      return client;
    });
    expect(await codeOf(cutOff.ofTarget(await stateOf('INBOX'), 0))).toBe('lease-lost');
    expect(await indexedAs(redis.client, lease.login, 'INBOX')).toEqual({ kind: 'headers', carried: false });
    await redis.client.set(loginKeys.lease(lease.login), lease.token);
    const index = await openIndexes('content').ofTarget(await stateOf('INBOX'), 0);
    expect((await index.find([markOf(2, 'content')])).flat()).toMatchObject([{ uid: 2, owner: 7 }]);
  });

  it('still knows that a mailbox was replaced', async () => {
    await claimSecond();
    const replaced = { ...(await stateOf('INBOX')), uidValidity: 4711, exists: 0, uidNext: 1 };
    expect(await codeOf(openIndexes('content').ofTarget(replaced, 0))).toBe('uidvalidity-changed');
  });
});

describe('a mailbox that is only looked at', () => {
  it('tells from which UID on mail is new since the last look', async () => {
    const first = await openIndexes('confirmed').ofNeighbour('INBOX');
    expect(first!.newFrom).toBe(Number.POSITIVE_INFINITY);
    imap.store('INBOX', mail(4));
    const second = await openIndexes('confirmed').ofNeighbour('INBOX');
    expect(second).toMatchObject({ newFrom: 4, carried: false });
    expect(second!.index.records).toBe(4);
  });

  it('is looked at once a session, and is never selected', async () => {
    const indexes = openIndexes('confirmed');
    const one = await indexes.ofNeighbour('INBOX');
    indexes.rest(one!);
    expect(await indexes.ofNeighbour('INBOX')).toBe(one);
    const commands = imap.connections.flatMap((connection) => connection.commands);
    for (const word of [/STATUS/, /EXAMINE/]) expect(commands.filter((one) => word.test(one))).toHaveLength(1);
    expect(commands.some((command) => /SELECT/.test(command))).toBe(false);
  });

  it('is left out where it cannot be read', async () => {
    expect(await openIndexes('confirmed').ofNeighbour('Nowhere')).toBeUndefined();
  });
});

describe('a mailbox that mail goes to', () => {
  it('and that was replaced in the middle of a session, without what it had, stops it and every later one', async () => {
    await claimSecond();
    const indexes = openIndexes('confirmed');
    const index = await indexes.ofTarget(await stateOf('INBOX'), 0);
    const inbox = imap.mailboxes.get('INBOX')!;
    inbox.uidValidity += 1;
    inbox.messages.splice(1, 1);
    expect(await codeOf(indexes.refresh({ path: 'INBOX', index }))).toBe('uidvalidity-changed');
    expect(await codeOf(openIndexes('confirmed').ofTarget(await stateOf('INBOX'), 0))).toBe('uidvalidity-changed');
  });

  it('keeps nothing in memory once many others were used since', async () => {
    const indexes = openIndexes('confirmed');
    const opened: MailboxIndex[] = [];
    for (let n = 0; n < 10; n += 1) {
      imap.addMailbox(`M${n}`);
      const index = await indexes.ofTarget(await stateOf(`M${n}`), 0);
      indexes.noteUsed(index);
      await index.find([markOf(n, 'headers')]);
      opened.push(index);
    }
    const reads: number[] = [];
    for (const [n, index] of opened.entries()) {
      const before = await reading();
      await index.find([markOf(n, 'headers')]);
      reads.push((await reading()) - before);
    }
    expect(reads).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  });
});

/** How often shards were read from Redis. */
async function reading(): Promise<number> {
  const stats = await redis.client.info('commandstats');
  return Number(/cmdstat_mget:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}
