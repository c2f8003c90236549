import { describe, expect, it } from 'vitest';
import { parseListing } from '../../src/pop3/listing.ts';
import { SizeLines } from '../../src/pop3/listing-lines.ts';
import { caught } from './sessions.ts';

const context = (popListingMaxMessages = 1000, popUidlMaxBytes = 1024) => ({
  endpoint: { host: 'pop.example' },
  options: { popListingMaxMessages, popUidlMaxBytes },
});

function rows(list: string, uidl?: string | Buffer) {
  const listing = parseListing(
    Buffer.from(list),
    uidl === undefined ? undefined : Buffer.from(uidl as string),
    context(),
  );
  return Array.from({ length: listing.length }, (_, at) => [
    listing.number(at),
    listing.octets(at),
    listing.uidl(at).toString('latin1'),
  ]);
}

describe('a listing', () => {
  it('has numbers, sizes and unique ids', () => {
    expect(rows('1 120\r\n2 5000000000\r\n', '1 abc\r\n2 def\r\n')).toEqual([
      [1, 120, 'abc'],
      [2, 5_000_000_000, 'def'],
    ]);
  });

  it('may be empty', () => {
    expect(rows('', '')).toEqual([]);
    expect(parseListing(Buffer.alloc(0), Buffer.alloc(0), context()).hasUidl).toBe(true);
  });

  it('takes sizes that are -1, 0, missing, followed by text or no number for unknown', () => {
    expect(rows('1 -1\r\n2 0\r\n3\r\n4 77 octets\r\n5 many\r\n').map((row) => row[1])).toEqual([0, 0, 0, 77, 0]);
  });

  it('sums the sizes up while they come, wherever they are cut', () => {
    const answer = Buffer.from('1 120\r\n2 -1\r\n3 5000000000\r\n7 5\r\n');
    expect(parseListing(answer, undefined, context()).octetsTotal).toBe(5_000_000_125);
    for (let cut = 0; cut <= answer.length; cut += 1) {
      const sizes = new SizeLines(context());
      for (const part of [answer.subarray(0, cut), answer.subarray(cut)]) sizes.lines.take(part);
      sizes.lines.finish();
      expect(sizes.octetsTotal).toBe(5_000_000_125);
    }
  });

  it('has gaps where the server has', () => {
    expect(rows('2 1\r\n7 2\r\n', '2 a\r\n7 b\r\n')).toEqual([
      [2, 1, 'a'],
      [7, 2, 'b'],
    ]);
  });

  it('keeps spaces inside a unique id and none around it, and its bytes as they are', () => {
    expect(rows('1 1\r\n2 2\r\n', '1  a b \r\n2\tx\r\n').map((row) => row[2])).toEqual(['a b', 'x']);
    const odd = Buffer.from([49, 32, 0xff, 0x80, 0, 13, 10]);
    expect(rows('1 1\r\n', odd)[0]![2]).toBe('\xff\x80\0');
  });

  it('has an empty unique id where it is blank or missing', () => {
    expect(rows('1 1\r\n2 2\r\n3 3\r\n4 4\r\n', '1\r\n2 \r\n4 d\r\n').map((row) => row[2])).toEqual(['', '', '', 'd']);
  });

  it('ignores unique ids of messages that LIST lacks', () => {
    expect(rows('1 1\r\n3 3\r\n', '1 a\r\n2 b\r\n3 c\r\n4 d\r\n').map((row) => row[2])).toEqual(['a', 'c']);
    expect(rows('1 1\r\n3 3\r\n', '2 b\r\n').map((row) => row[2])).toEqual(['', '']);
  });

  it('keeps duplicate unique ids apart', () => {
    expect(rows('1 1\r\n2 2\r\n', '1 same\r\n2 same\r\n').map((row) => row[2])).toEqual(['same', 'same']);
  });

  it('knows when there are no unique ids at all', () => {
    const listing = parseListing(Buffer.from('1 1\r\n'), undefined, context());
    expect(listing.hasUidl).toBe(false);
    expect(listing.uidl(0)).toHaveLength(0);
  });

  it.each([
    ['0 12\r\n', undefined],
    ['x 12\r\n', undefined],
    ['-1 12\r\n', undefined],
    ['1x 12\r\n', undefined],
    ['\r\n', undefined],
    ['2 1\r\n1 1\r\n', undefined],
    ['1 1\r\n1 1\r\n', undefined],
    ['99999999999 1\r\n', undefined],
    ['1 1\r\n2 2\r\n', '2 b\r\n1 a\r\n'],
    ['1 1\r\n', 'abc\r\n'],
  ])('is a broken protocol when its numbers are wrong: %j %j', async (list, uidl) => {
    expect((await caught(async () => rows(list, uidl))).code).toBe('protocol-error');
  });

  it('has limits', async () => {
    const list = Buffer.from('1 1\r\n2 2\r\n');
    expect(parseListing(list, undefined, context(2)).length).toBe(2);
    expect((await caught(async () => parseListing(list, undefined, context(1)))).code).toBe('listing-too-large');
    const uidl = Buffer.from('1 12345\r\n');
    expect(parseListing(list, uidl, context(2, 5)).uidl(0).toString()).toBe('12345');
    expect((await caught(async () => parseListing(list, uidl, context(2, 4)))).code).toBe('listing-too-large');
  });

  it('of 200,000 messages stays small', () => {
    const count = 200_000;
    const lines = Array.from({ length: count }, (_, at) => at + 1);
    const list = Buffer.from(lines.map((number) => `${number} 1234\r\n`).join(''));
    const uidl = Buffer.from(lines.map((number) => `${number} uid-${number}\r\n`).join(''));
    const listing = parseListing(list, uidl, context(count));
    expect(listing.uidl(199_999).toString()).toBe('uid-200000');
    // A view of the answer, not a copy for each message.
    expect(listing.uidl(5).buffer).toBe(uidl.buffer);
  });
});
