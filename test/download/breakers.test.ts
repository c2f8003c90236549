/** Messages at which several sessions broke off come last, and are left to the next run after one more. */
import { describe, expect, it } from 'vitest';
import { type Breaker, forgetBreakers, noteBreaker, orderOf, readBreakers } from '../../src/download/breakers.ts';
import { pick } from '../../src/download/pick.ts';
import type { Asked } from '../../src/download/taker.ts';
import { type ErrorCode, MailhaulError } from '../../src/ground/errors.ts';
import { uidlKey } from '../../src/ledger/record.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import { parseListing } from '../../src/pop3/listing.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const account = 'c'.repeat(32);
const run = 3;
const nameOf = (uidl: string) => uidlKey(Buffer.from(uidl)).toString('hex');

/** The order of a maildrop with these unique ids: those that are fetched, and those that are left aside. */
function ordered(uidls: readonly string[], breakers: Record<string, Omit<Breaker, 'text'>>) {
  const list = Buffer.from(uidls.map((_, at) => `${at + 1} 10\r\n`).join(''));
  const ids = Buffer.from(uidls.map((uidl, at) => `${at + 1} ${uidl}\r\n`).join(''));
  const options = { popListingMaxMessages: 100, popUidlMaxBytes: 100 };
  const listing = parseListing(list, ids, { endpoint: { host: 'pop.example' }, options });
  const picked = pick(listing, new LedgerTable(Buffer.alloc(0)), new Set(), run);
  const known = new Map(Object.entries(breakers).map(([uidl, one]) => [nameOf(uidl), { ...one, text: `of ${uidl}` }]));
  const { wanted, aside, over } = orderOf(listing, picked, known, run);
  return { wanted: [...wanted].map((place) => uidls[place]), aside: aside.map(({ reply }) => reply), over };
}

describe('what broke sessions off', () => {
  it('is fetched last, what did so least first', () => {
    const { wanted, aside } = ordered(['a', 'b', 'c', 'd'], { a: { run, count: 2 }, c: { run: 2, count: 2 } });
    expect(wanted).toEqual(['b', 'd', 'c', 'a']);
    expect(aside).toEqual([]);
  });

  it('once keeps its place: that may have been the network', () => {
    const { wanted, aside } = ordered(['a', 'b', 'c'], { a: { run, count: 1 }, b: { run: 2, count: 1 } });
    expect([wanted, aside]).toEqual([['a', 'b', 'c'], []]);
  });

  it('three times in a run is left to the next one', () => {
    const { wanted, aside } = ordered(['a', 'b', 'c'], { b: { run, count: 3 } });
    expect([wanted, aside]).toEqual([['a', 'c'], ['of b']]);
    expect(ordered(['a', 'b', 'c'], { b: { run: run - 1, count: 3 } }).wanted).toEqual(['a', 'c', 'b']);
  });

  it('is never told by an id that several messages share', () => {
    expect(ordered(['same', 'same', 'b'], { same: { run, count: 2 } }).wanted).toEqual(['same', 'same', 'b']);
  });

  it('is over when it is not to be fetched any more', () => {
    expect(ordered(['a'], { a: { run, count: 1 }, gone: { run, count: 1 } }).over).toEqual([nameOf('gone')]);
  });

  it('is counted anew in each run, and only for errors that may be of the message', async () => {
    const { client } = redis;
    const asked = { uidl: Buffer.from('a'), hasOwnUidl: true, claimed: 0 };
    const note = (code: ErrorCode, number = run, of: Asked | null = asked) =>
      noteBreaker(
        client,
        account,
        number,
        of ?? undefined,
        new MailhaulError(code, { host: 'h', seconds: 1, during: 'x', reply: '' }),
      );
    for (const code of ['lease-lost', 'pipelining-broken', 'spool-full', 'account-busy'] as const) await note(code);
    await note('server-silent', run, null);
    await note('server-silent', run, { ...asked, hasOwnUidl: false });
    expect([...(await readBreakers(client, account))]).toEqual([]);
    await note('connection-lost');
    expect((await readBreakers(client, account)).get(nameOf('a'))).toMatchObject({ run, count: 1 });
    await note('server-silent');
    expect((await readBreakers(client, account)).get(nameOf('a'))).toMatchObject({ run, count: 3 });
    await note('message-cut');
    expect([...(await readBreakers(client, account))]).toEqual([
      [nameOf('a'), { run, count: 4, text: 'h closed the connection in the middle of a message' }],
    ]);
    await note('connection-lost', run + 1);
    expect((await readBreakers(client, account)).get(nameOf('a'))).toMatchObject({ run: run + 1, count: 1 });
    await forgetBreakers(client, account, [nameOf('a')]);
    expect((await readBreakers(client, account)).size).toBe(0);
  });
});
