import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandOver } from '../../src/download/hand-over.ts';
import { Registrar } from '../../src/download/registrar.ts';
import { RenamedMail } from '../../src/download/renamed.ts';
import { type Asked, Taker } from '../../src/download/taker.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { registeredBatches, spooledKeys } from '../../src/ledger/batches.ts';
import { contentKey, type LedgerRecord, packRecord, uidlKey } from '../../src/ledger/record.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import type { Spool } from '../../src/spool/spool.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { alice, contentOf, newSpool, newWriter, putMessage, sha256 } from '../spool/spool-rig.ts';

const redis = useRedis();
const limits = { batchMaxMessages: 3, batchMaxBytes: 1000, headerMaxBytes: 200 };

interface Known {
  spooled?: ReadonlySet<string>;
  renamed?: RenamedMail;
}

function registrar(spool: Spool, announce: () => void = () => {}, client = redis.client): Registrar {
  return new Registrar({ redis: client, spool, account: alice, announce });
}

/** A taker of messages that are called m1, m2 … and have those unique ids. */
async function rig(own = true, ledger = new LedgerTable(Buffer.alloc(0)), known: Known = {}, other = {}) {
  const run = 2;
  const { spooled = new Set<string>(), renamed } = known;
  const spool = await newSpool(1e6);
  const announced: number[] = [];
  const receiver = registrar(spool, () => announced.push(1));
  const asked = (number: number): Asked => ({ uidl: Buffer.from(`m${number}`), hasOwnUidl: own, claimed: 100 });
  const owner = { account: alice, id: 'alice', kind: 'messages' as const, firstRun: true };
  const taker = new Taker({
    asked,
    directory: spool,
    owner,
    limits: { ...limits, ...other },
    receiver,
    keepsHeaders: true,
    ledger,
    spooled,
    renamed,
    run,
  });
  const take = async (number: number, bytes: Buffer, step = 50) => {
    spool.space.tryClaim(alice, 100);
    await taker.start({ number, octets: bytes.length });
    for (let at = 0; at < bytes.length; at += step) await taker.data(bytes.subarray(at, at + step));
  };
  const takeWhole = async (number: number, bytes: Buffer, step = 50) => {
    await take(number, bytes, step);
    await taker.end();
  };
  return { spool, taker, take, takeWhole, announced };
}

/** What waits in the spool, batch by batch. */
async function waiting(spool: Spool): Promise<Record<string, string>[]> {
  const batches = [];
  for (const name of await registeredBatches(redis.client, alice, spool.id)) {
    const file = await spool.openBatch(alice, name);
    const messages: Record<string, string> = {};
    for (const message of file.manifest.messages) {
      messages[message.uidl] = (await contentOf(file, message)).toString('latin1');
    }
    batches.push(messages);
    await file.close();
  }
  return batches;
}

const text = (name: string, size = 60) => Buffer.alloc(size, `Subject: ${name}\r\n\r\nbody\r\n`);

describe('a session', () => {
  it('closes a batch at its number of messages and hands all over in order', async () => {
    const { spool, taker, takeWhole, announced } = await rig();
    for (let i = 1; i <= 7; i += 1) await takeWhole(i, text(`${i}`));
    await taker.finish();
    const batches = await waiting(spool);
    expect(batches.map((batch) => Object.keys(batch))).toEqual([['m1', 'm2', 'm3'], ['m4', 'm5', 'm6'], ['m7']]);
    expect(batches[1]!['m5']).toBe(text('5').toString());
    expect(announced).toHaveLength(3);
    expect(taker.taken).toMatchObject({ messages: 7, bytes: 420 });
  });

  it('closes a batch at its bytes, and gives a larger message a batch of its own', async () => {
    const { spool, taker, takeWhole } = await rig();
    for (const [i, size] of [600, 300, 5000, 400, 600].entries()) await takeWhole(i + 1, text(`${i}`, size));
    await taker.finish();
    const batches = await waiting(spool);
    expect(batches.map((batch) => Object.keys(batch))).toEqual([['m1', 'm2'], ['m3'], ['m4', 'm5']]);
  });

  it('closes its first batches early, so that they can be appended soon', async () => {
    const { spool, taker, takeWhole } = await rig(
      true,
      undefined,
      {},
      { batchMaxBytes: 4 << 20, batchMaxMessages: 100 },
    );
    for (let i = 1; i <= 40; i += 1) await takeWhole(i, text(`${i}`, 300_000), 300_000);
    await taker.finish();
    const counts = (await waiting(spool)).map((batch) => Object.keys(batch).length);
    // 1 MiB at least, then 1, 2 and 4 MiB; a message that does not fit begins the next batch.
    expect(counts).toEqual([4, 4, 7, 13, 12]);
  });

  it('keeps what is whole when the connection breaks in a message', async () => {
    const { spool, taker, take, takeWhole } = await rig();
    await takeWhole(1, text('one'));
    await take(2, text('two'));
    await taker.finish();
    expect(await waiting(spool)).toEqual([{ m1: text('one').toString() }]);
  });

  it('keeps what is whole when the connection breaks before the first byte of a message', async () => {
    const { spool, taker, take, takeWhole } = await rig();
    await takeWhole(1, text('one'));
    await take(2, Buffer.alloc(0));
    await taker.finish();
    expect(await waiting(spool)).toEqual([{ m1: text('one').toString() }]);
  });

  it('leaves nothing behind when it took nothing', async () => {
    const { spool, taker, take } = await rig();
    await take(1, text('one'));
    await taker.finish();
    expect(readdirSync(spool.directory)).toEqual(['spool.id']);
    expect(await spooledKeys(redis.client, alice)).toEqual(new Set());
    expect(spool.space.usedBytes).toBe(0);
  });

  it('turns its claims into files', async () => {
    const { spool, taker, takeWhole } = await rig();
    for (let i = 1; i <= 4; i += 1) await takeWhole(i, text(`${i}`));
    await taker.finish();
    expect(spool.space.usedBytes).toBe(240);
  });

  it('hands over what it holds as soon as it is to wait', async () => {
    const { spool, taker, take, takeWhole } = await rig();
    await takeWhole(1, text('one'));
    await taker.closeSoon();
    await take(2, text('two'));
    await taker.closeSoon();
    await taker.end();
    await takeWhole(3, text('three'));
    await taker.finish();
    expect((await waiting(spool)).map((batch) => Object.keys(batch))).toEqual([['m1'], ['m2'], ['m3']]);
  });

  it.each([
    ['-ERR Message is expunged.', 'vanished'],
    ['-ERR message 7 already deleted', 'vanished'],
    ['-ERR no such message', 'vanished'],
    ['-ERR internal error', 'unreadable'],
  ])('takes %j for %s', async (reply, end) => {
    const { spool, taker } = await rig();
    spool.space.tryClaim(alice, 100);
    taker.refused({ number: 7, octets: 60 }, reply);
    const { vanished, unreadable } = taker.taken;
    expect([vanished.length, unreadable.length]).toEqual(end === 'vanished' ? [1, 0] : [0, 1]);
    expect(spool.space.usedBytes).toBe(0);
  });
});

describe('the header of a message', () => {
  it('is found wherever the bytes are cut', async () => {
    const message = Buffer.from('Message-ID: <1>\r\nSubject: a\r\n\r\nbody\r\n');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: message.length }), async (step) => {
        await redis.client.flushall();
        const { spool, taker, takeWhole } = await rig();
        await takeWhole(1, message, step);
        await taker.finish();
        const [name = ''] = await registeredBatches(redis.client, alice, spool.id);
        const file = await spool.openBatch(alice, name);
        expect(file.manifest.messages[0]).toMatchObject({
          headerBytes: 31,
          hasMessageId: true,
          sha256: sha256(message),
        });
        await file.close();
      }),
      { numRuns: 12 },
    );
  });

  it('is what fits, where it is longer than is searched', async () => {
    const { spool, taker, takeWhole } = await rig();
    await takeWhole(1, Buffer.from(`Subject: ${'x'.repeat(500)}\r\n\r\nbody\r\n`));
    await taker.finish();
    const [name = ''] = await registeredBatches(redis.client, alice, spool.id);
    const file = await spool.openBatch(alice, name);
    expect(file.manifest.messages[0]!.headerBytes).toBe(200);
    await file.close();
  });
});

describe('messages without a unique id of their own', () => {
  const record = (key: Buffer, outcome: LedgerRecord['outcome'], run: number) =>
    packRecord({ key, outcome, run, mailbox: 0, uid: 0, size: 0, content: Buffer.alloc(8) });

  it('are known by their content, copy by copy', async () => {
    const { spool, taker, takeWhole } = await rig(false);
    for (const number of [1, 2, 3]) await takeWhole(number, text(number < 3 ? 'same' : 'other'));
    await taker.finish();
    const [same, other] = [sha256(text('same')), sha256(text('other'))];
    const keys = [contentKey(same, 0), contentKey(same, 1), contentKey(other, 0)].map((key) => key.toString('hex'));
    expect(await spooledKeys(redis.client, alice)).toEqual(new Set(keys));
    expect(spool.space.usedBytes).toBe(180);
  });

  it('are not spooled again while they wait in a spool', async () => {
    const spooled = new Set([contentKey(sha256(text('waits')), 0).toString('hex')]);
    const { spool, taker, takeWhole } = await rig(false, undefined, { spooled });
    for (const number of [1, 2]) await takeWhole(number, text('waits'));
    await taker.finish();
    expect(await waiting(spool)).toEqual([{ m2: text('waits').toString() }]);
  });

  it('are not spooled again when their content is settled', async () => {
    const hash = (name: string) => sha256(text(name));
    const ledger = new LedgerTable(
      Buffer.concat([
        record(contentKey(hash('known'), 0), 'appended', 1),
        record(contentKey(hash('refused'), 0), 'refused', 1),
        record(contentKey(hash('now'), 0), 'appended', 2),
        record(contentKey(hash('back'), 0), 'vanished', 1),
        record(uidlKey(Buffer.from('m5')), 'appended', 1),
      ]),
    );
    const { spool, taker, takeWhole } = await rig(false, ledger);
    for (const [i, name] of ['known', 'refused', 'now', 'back', 'new'].entries()) await takeWhole(i + 1, text(name));
    await taker.finish();
    expect(taker.taken).toMatchObject({ messages: 2, known: 1, refusedBefore: 1 });
    expect(await waiting(spool)).toEqual([{ m4: text('back').toString(), m5: text('new').toString() }]);
  });
});

describe('messages that were carried under other unique ids', () => {
  it('are taken for what they are by their content, each once', async () => {
    const content = Buffer.from(sha256(text('old')).slice(0, 16), 'hex');
    const carried: LedgerRecord = {
      key: uidlKey(Buffer.from('old id')),
      outcome: 'appended',
      mailbox: 3,
      uid: 9,
      size: 60,
      content,
      run: 1,
    };
    const { spool, taker, takeWhole } = await rig(true, undefined, { renamed: new RenamedMail([carried]) });
    for (const [i, name] of ['old', 'new', 'old'].entries()) await takeWhole(i + 1, text(name));
    await taker.finish();
    expect(taker.taken.renamed).toEqual([
      { ...carried, key: uidlKey(Buffer.from('m1')), outcome: 'duplicate', run: 2 },
    ]);
    expect(await waiting(spool)).toEqual([{ m2: text('new').toString(), m3: text('old').toString() }]);
  });
});

describe('the hand-over', () => {
  it('keeps the order of the batches, and the registry never names a file that is not there', async () => {
    const spool = await newSpool(1e9);
    const handOver = new HandOver(registrar(spool));
    const names = [];
    for (const [i, size] of [900_000, 10, 500_000, 20].entries()) {
      const writer = newWriter(spool);
      names.push(writer.batch);
      await putMessage(writer, `m${i}`, Buffer.alloc(size, 'x'), 100_000);
      await handOver.submit(writer, 0);
      for (const name of await registeredBatches(redis.client, alice, spool.id)) {
        await (await spool.openBatch(alice, name)).close();
      }
    }
    await handOver.settled();
    expect(await registeredBatches(redis.client, alice, spool.id)).toEqual(names);
    expect(await redis.client.hget(accountKeys.run(alice), 'downloaded')).toBe('1400030');
  });

  it('tells of its failure, and gives back only the space of its own batch', async () => {
    const spool = await newSpool(1e9);
    const broken = await redis.another();
    await broken.close();
    const handOver = new HandOver(registrar(spool, () => {}, broken.client));
    const writer = newWriter(spool);
    await putMessage(writer, 'm1', text('one'));
    for (const bytes of [60, 1000]) spool.space.tryClaim(alice, bytes);
    await handOver.submit(writer, 60);
    await expect(handOver.settled()).rejects.toThrow();
    // The file is there and counts; 1000 bytes belong to the batch that is being written.
    expect(spool.space.usedBytes).toBe(1060);
  });
});
