import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { registeredBatches, spoolsWithBatches } from '../../src/ledger/batches.ts';
import { openIntents, recordIntent } from '../../src/ledger/intent.ts';
import { noteProblem, problemOf, readProblems } from '../../src/ledger/problems.ts';
import { type LedgerRecord, type Outcome, recordBytes, uidlKey } from '../../src/ledger/record.ts';
import { acceptedJson, readAcceptances } from '../../src/ledger/refusals.ts';
import { readRun, readRunMailboxes, startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { recordEnds, type Settlement, type SettleScope, settle } from '../../src/ledger/settle.ts';
import { LedgerTable, pageRecords } from '../../src/ledger/table.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import { codeOf, useRedis } from './redis-rig.ts';

const redis = useRedis();
const account = 'e'.repeat(32);
const scope: SettleScope = { account, spool: 's', batch: 'b', token: 'mine', command: '' };

const keyOf = (name: string) => uidlKey(Buffer.from(name));
const record = (name: string, outcome: Outcome, run = 1): LedgerRecord => ({
  key: keyOf(name),
  outcome,
  mailbox: 1,
  uid: 7,
  size: 100,
  content: createHash('sha256').update(name).digest().subarray(0, 8),
  run,
});

function end(index: number, outcome: Outcome, name = `m${index}`, refusal = ''): Settlement {
  return { index, outcome, record: record(name, outcome), mailbox: 'INBOX', refusal };
}

/** Registers a batch of so many messages, as a download does. */
async function batchOf(count: number, batch = 'b'): Promise<void> {
  const messages = Array.from({ length: count }, (_, i) => ({
    key: keyOf(`m${i}`).toString('hex'),
    uidl: `m${i}`,
    offset: i * 100,
    size: 100,
    headerBytes: 10,
    sha256: '',
    fingerprint: '',
    hasMessageId: true,
    hasNul: false,
  }));
  const manifest = {
    version: 1 as const,
    batch,
    account,
    id: 'x',
    kind: 'messages' as const,
    firstRun: true,
    bytes: count * 100,
    messages,
  };
  await registerBatch(redis.client, 's', manifest);
}

beforeEach(async () => {
  await startRun(redis.client, account, 'r1', 1000, false);
  await redis.client.set(accountKeys.fence(account), 'mine');
});

describe('settling', () => {
  it('enters messages into ledger, counts and mailboxes, and says how many are left', async () => {
    await batchOf(4);
    const ends = [end(0, 'appended'), end(2, 'appended'), end(1, 'duplicate')];
    expect(await settle(redis.client, scope, ends)).toBe(1);
    const counts = { appended: 2, duplicate: 1, refused: 0, bytesAppended: 200 };
    expect(await readRun(redis.client, account)).toMatchObject(counts);
    expect(await readRunMailboxes(redis.client, account)).toEqual({ INBOX: 2 });
    const ledger = await LedgerTable.load(redis.client, account);
    expect(ledger.size).toBe(3);
    expect(ledger.get(keyOf('m1'))).toEqual(record('m1', 'duplicate'));
    expect(ledger.get(keyOf('m3'))).toBeUndefined();
  });

  it('counts a message once, whatever comes later for it', async () => {
    await batchOf(3);
    await settle(redis.client, scope, [end(0, 'appended')]);
    const again = end(0, 'refused', 'm0', '{"code":"append-refused"}');
    expect(await settle(redis.client, scope, [again, end(1, 'appended')])).toBe(1);
    expect(await readRun(redis.client, account)).toMatchObject({ appended: 2, refused: 0, bytesAppended: 200 });
    expect(await redis.client.hget(accountKeys.ledger(account), 'records')).toBe('2');
    expect(await redis.client.exists(accountKeys.refusals(account))).toBe(0);
  });

  it('counts a message once, even when the script is sent twice', async () => {
    await batchOf(3);
    for (let i = 0; i < 2; i += 1) expect(await settle(redis.client, scope, [end(0, 'appended')])).toBe(2);
    expect(await readRun(redis.client, account)).toMatchObject({ appended: 1, bytesAppended: 100 });
  });

  it('counts once even when the whole batch is settled and the script comes again', async () => {
    await batchOf(2);
    const ends = [end(0, 'appended'), end(1, 'appended')];
    expect(await settle(redis.client, scope, ends)).toBe(0);
    expect(await settle(redis.client, scope, ends)).toBe(0);
    expect(await readRun(redis.client, account)).toMatchObject({ appended: 2 });
  });

  it('notes which messages are settled as SETBIT would', async () => {
    await batchOf(30);
    const places = [21, 0, 8, 7];
    for (const part of [places.slice(0, 3), places.slice(3)]) {
      await settle(
        redis.client,
        scope,
        part.map((at) => end(at, 'appended')),
      );
    }
    for (const at of places) await redis.client.setbit('bits', at, 1);
    expect(await redis.client.getBuffer(accountKeys.batchDone(account, 'b'))).toEqual(
      await redis.client.getBuffer('bits'),
    );
  });

  it('counts bytes exactly, of messages too that are larger than a record can say', async () => {
    await batchOf(3);
    const large = { ...end(1, 'appended'), record: { ...record('m1', 'appended'), size: 5_000_000_001 } };
    await settle(redis.client, scope, [end(0, 'appended'), large]);
    expect(await readRun(redis.client, account)).toMatchObject({ appended: 2, bytesAppended: 5_000_000_101 });
  });

  it('keeps ends of all kinds apart in one go, whatever their texts are', async () => {
    await batchOf(5);
    const odd = { ...end(0, 'appended'), mailbox: 'Sent/\u00fc "x" \\ \ud800' };
    const text = JSON.stringify({ code: 'append-refused', text: '\u0000 \ud800 ]]' });
    const ends = [odd, end(1, 'appended'), end(2, 'refused', 'm2', text), end(3, 'duplicate')];
    const known: Settlement = {
      index: 4,
      outcome: 'known',
      record: record('m4', 'appended'),
      mailbox: '',
      refusal: '',
    };
    expect(await settle(redis.client, scope, [...ends, known])).toBe(0);
    const counts = { appended: 2, duplicate: 1, refused: 1, bytesAppended: 200, repaired: 0 };
    expect(await readRun(redis.client, account)).toMatchObject(counts);
    expect(await readRunMailboxes(redis.client, account)).toEqual({ 'Sent/\u00fc "x" \\ \ufffd': 1, INBOX: 1 });
    const [kept] = await redis.client.hvals(accountKeys.refusals(account));
    expect(kept).toBe(text);
    expect((await LedgerTable.load(redis.client, account)).size).toBe(4);
  });

  it.each(['another', ''])('changes nothing under the fence of another: %j', async (fence) => {
    await batchOf(1);
    if (fence) await redis.client.set(accountKeys.fence(account), fence);
    else await redis.client.del(accountKeys.fence(account));
    expect(await codeOf(settle(redis.client, scope, [end(0, 'appended')]))).toBe('lease-lost');
    expect(await readRun(redis.client, account)).toMatchObject({ appended: 0 });
    expect((await LedgerTable.load(redis.client, account)).size).toBe(0);
    expect(await registeredBatches(redis.client, account, 's')).toEqual(['b']);
  });

  it('takes a batch out of the registry with its last message, and the spool with its last batch', async () => {
    await batchOf(2);
    await batchOf(1, 'c');
    await settle(redis.client, scope, [end(1, 'appended')]);
    expect(await registeredBatches(redis.client, account, 's')).toEqual(['b', 'c']);
    await settle(redis.client, scope, [end(0, 'duplicate')]);
    expect(await registeredBatches(redis.client, account, 's')).toEqual(['c']);
    expect(await spoolsWithBatches(redis.client, account)).toEqual(['s']);
    expect(await redis.client.exists(accountKeys.batch(account, 'b'), accountKeys.batchDone(account, 'b'))).toBe(0);
    await settle(redis.client, { ...scope, batch: 'c' }, [end(0, 'appended', 'n')]);
    expect(await spoolsWithBatches(redis.client, account)).toEqual([]);
  });

  it('ends the intent of its command and no other', async () => {
    await batchOf(2);
    for (const [i, command] of ['one', 'two'].entries()) {
      const intent = { command, batch: 'b', indexes: [i], mailbox: 'INBOX', uidValidity: 1, uidNext: 1 };
      await recordIntent(redis.client, account, 'mine', intent);
    }
    await settle(redis.client, { ...scope, command: 'one' }, [end(0, 'appended')]);
    expect((await openIntents(redis.client, account)).map(({ command }) => command)).toEqual(['two']);
  });

  it('keeps why messages were refused, over the next run too', async () => {
    await batchOf(2);
    const refusal = JSON.stringify({ code: 'message-empty', text: 'the message is empty and is not sent' });
    await settle(redis.client, scope, [end(0, 'refused', 'm0', refusal), end(1, 'refused', 'm1', refusal)]);
    expect(await readRun(redis.client, account)).toMatchObject({ refused: 2, bytesAppended: 0 });
    expect(await readRunMailboxes(redis.client, account)).toEqual({});
    await startRun(redis.client, account, 'r2', 2000, false);
    expect(await readProblems(redis.client, account)).toMatchObject([{ code: 'message-empty', count: 2 }]);
    const fields = await redis.client.hkeysBuffer(accountKeys.refusals(account));
    expect(fields.map((field) => field.toString('hex')).sort()).toEqual(
      ['m0', 'm1'].map((name) => keyOf(name).toString('hex')).sort(),
    );
  });
});

describe('what a rule skips', () => {
  const acceptance = { by: 'rule x', reason: 'nobody wants it', at: 5 };
  const refusal = JSON.stringify({ code: 'message-skipped', text: 'skipped by x', uidl: 'm1' });
  const note = () =>
    noteProblem(redis.client, account, problemOf(new MailhaulError('message-skipped', { rule: 'x', reason: 'y' })));

  it('counts as known, however the listing counts afterwards, and completes the run', async () => {
    await batchOf(3);
    await updateRun(redis.client, account, 'r1', { listed: 3 });
    await note();
    const ends = [0, 1].map((at) => end(at, 'accepted', `m${at}`, acceptedJson(acceptance, refusal)));
    await settle(redis.client, scope, [...ends, end(2, 'appended')]);
    await settle(redis.client, scope, ends).catch(() => {});
    await updateRun(redis.client, account, 'r1', { known: 0, download: 'done' });
    expect(await finishRunIfDone(redis.client, account, 'r1', 9)).toBe('ended');
    expect(await readRun(redis.client, account)).toMatchObject({
      state: 'complete',
      known: 2,
      appended: 1,
      refused: 0,
    });
    const kept = { acceptance, refusal: JSON.parse(refusal) };
    expect(await readAcceptances(redis.client, account)).toEqual([kept, kept]);
    expect(await readProblems(redis.client, account)).toMatchObject([
      { code: 'message-skipped', count: 2, stops: 'none', text: 'skipped by the rule x: y' },
    ]);
  });

  it('is not told where a session died before it settled any', async () => {
    await note();
    expect(await readProblems(redis.client, account)).toEqual([]);
  });
});

describe('the ledger', () => {
  it.each([1, pageRecords - 1, pageRecords, pageRecords + 1, 3 * pageRecords])(
    'fills its pages exactly: %i records',
    async (count) => {
      const names = Array.from({ length: count }, (_, i) => `v${i}`);
      // In steps that do not fit into pages, and one that is larger than a page.
      for (let at = 0, step = 1; at < count; at += step, step = (step * 7) % 150) {
        await recordEnds(
          redis.client,
          account,
          names.slice(at, at + step).map((name) => record(name, 'vanished')),
        );
      }
      const pages = await redis.client.keys(accountKeys.ledgerPage(account, '*').replace(/[{}]/g, '\\$&'));
      expect(pages).toHaveLength(Math.ceil(count / pageRecords));
      for (let page = 0; page < pages.length; page += 1) {
        const inPage = Math.min(pageRecords, count - page * pageRecords);
        expect(await redis.client.strlen(accountKeys.ledgerPage(account, page))).toBe(inPage * recordBytes);
      }
      const ledger = await LedgerTable.load(redis.client, account);
      expect(ledger.size).toBe(count);
      for (const name of names) expect(ledger.get(keyOf(name))).toEqual(record(name, 'vanished'));
      expect(await readRun(redis.client, account)).toMatchObject({ vanished: count });
    },
  );

  it('believes the record that was written last', async () => {
    await recordEnds(redis.client, account, [record('m0', 'vanished')]);
    await batchOf(1);
    await settle(redis.client, scope, [end(0, 'appended')]);
    const ledger = await LedgerTable.load(redis.client, account);
    expect(ledger.size).toBe(1);
    expect(ledger.get(keyOf('m0'))?.outcome).toBe('appended');
  });

  it('reads more pages than are asked for at once', async () => {
    const count = 70 * pageRecords + 3;
    const records = Array.from({ length: count }, (_, i) => record(`v${i}`, 'vanished'));
    for (let at = 0; at < count; at += 3000) await recordEnds(redis.client, account, records.slice(at, at + 3000));
    const ledger = await LedgerTable.load(redis.client, account);
    expect(ledger.size).toBe(count);
    expect(ledger.get(keyOf(`v${count - 1}`))).toEqual(records.at(-1));
  });

  it('writes nothing for nothing', async () => {
    await recordEnds(redis.client, account, []);
    expect((await LedgerTable.load(redis.client, account)).size).toBe(0);
  });

  it('takes at most 48 bytes of Redis a message', async () => {
    const count = 20_000;
    const batch = 100;
    for (let at = 0; at < count; at += batch) {
      await batchOf(batch, `b${at}`);
      const ends = Array.from({ length: batch }, (_, i) => end(i, 'appended', `m${at + i}`));
      await settle(redis.client, { ...scope, batch: `b${at}` }, ends);
    }
    let bytes = 0;
    for (const key of await redis.client.keys('*'))
      bytes += Number(await redis.client.memory('USAGE', key, 'SAMPLES', '0'));
    console.log(`ledger: ${(bytes / count).toFixed(2)} bytes a message`);
    expect(bytes / count).toBeLessThanOrEqual(48);
    expect((await LedgerTable.load(redis.client, account)).size).toBe(count);
  });
});
