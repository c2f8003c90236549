import { beforeEach, expect, it } from 'vitest';
import { Lead } from '../../src/download/lead.ts';
import { SpoolSpace } from '../../src/spool/space.ts';
import { alice, bob } from '../spool/spool-rig.ts';

/** The waits that are under way, each with how it comes to its end. */
let waits: (() => void)[] = [];
const clock = {
  now: () => 0,
  wait: (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      waits.push(resolve);
      signal?.addEventListener('abort', () => reject(signal.reason));
    }),
};
const holding = new AbortController().signal;
let space: SpoolSpace;
let lead: Lead;

beforeEach(() => {
  waits = [];
  space = new SpoolSpace(1e9, async () => []);
  lead = new Lead(space, alice, clock);
});

function spool(account: string, first: number, last: number): void {
  for (let number = first; number <= last; number += 1) space.written(account, `${number}`, 10, 0);
}

/** Whether a source may be asked for the next message, when everything that is under way has been done. */
async function mayAsk(asking = lead.check(holding)): Promise<boolean> {
  return Promise.race([asking.then(() => true), new Promise<boolean>((done) => setImmediate(() => done(false)))]);
}

it('lets a source run six batches ahead, whatever others have in the spool', async () => {
  spool(bob, 1, 20);
  spool(alice, 1, 6);
  expect(await mayAsk()).toBe(true);
  spool(alice, 7, 7);
  expect(await mayAsk()).toBe(false);
});

it('goes on when a batch is gone', async () => {
  spool(alice, 1, 8);
  const asking = lead.check(holding);
  space.removed(alice, '1');
  expect(await mayAsk(asking)).toBe(false);
  space.removed(bob, '2');
  expect(await mayAsk(asking)).toBe(false);
  space.removed(alice, '2');
  expect(await mayAsk(asking)).toBe(true);
});

it('waits no longer than its time, and once for each batch', async () => {
  spool(alice, 1, 7);
  const asking = lead.check(holding);
  expect(await mayAsk(asking)).toBe(false);
  waits[0]!();
  expect(await mayAsk(asking)).toBe(true);
  expect(await mayAsk()).toBe(true);
  spool(alice, 8, 8);
  expect(await mayAsk()).toBe(false);
});

it('waits again for a batch that comes after another has gone', async () => {
  spool(alice, 1, 7);
  const asking = lead.check(holding);
  waits[0]!();
  await asking;
  space.removed(alice, '1');
  expect(await mayAsk()).toBe(true);
  spool(alice, 8, 8);
  expect(await mayAsk()).toBe(false);
});

it('waits no more when the lease is lost', async () => {
  spool(alice, 1, 7);
  const lost = new AbortController();
  const asking = lead.check(lost.signal);
  expect(await mayAsk(asking)).toBe(false);
  lost.abort(new Error('lost'));
  expect(await mayAsk(asking)).toBe(true);
});
