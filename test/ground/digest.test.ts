import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digest, digestsBehind, hexDigest } from '../../src/ground/digest.ts';

describe('a digest', () => {
  it('has as many bytes as asked for, the same ones first', () => {
    expect(digest(5, 'a')).toEqual(digest(32, 'a').subarray(0, 5));
    expect(hexDigest(5, 'a')).toBe(digest(5, 'a').toString('hex'));
  });

  it('is SHA-256 over each part behind its length, so that stored ones stay valid', () => {
    const expected = createHash('sha256').update(Buffer.from('00000002c3bc0000000101', 'hex')).digest();
    expect(digest(32, 'ü', Buffer.from([1]))).toEqual(expected);
  });

  it('is written into a buffer of many, and into its own place alone', () => {
    const many = Buffer.alloc(7);
    digestsBehind(5, 'ä')(many, 1, Buffer.from([0, 0xff, 0]), 1, 2);
    expect(many.subarray(1, 6)).toEqual(digest(5, 'ä', Buffer.from([0xff])));
    expect([many[0], many[6]]).toEqual([0, 0]);
  });

  it.each([0, 1, 255, 256, 257, 511, 512, 513, 100_000])('is the same with %i bytes behind a part', (length) => {
    const write = digestsBehind(32, 'first');
    const [many, last] = [Buffer.alloc(64), Buffer.alloc(length, 'ab')];
    // Nothing of one shows in the next.
    for (const at of [0, 32]) write(many, at, last, 0, length);
    write(Buffer.alloc(32), 0, Buffer.alloc(400, 'x'), 0, 400);
    write(many, 32, last, 0, length);
    for (const at of [0, 32]) expect(many.subarray(at, at + 32)).toEqual(digest(32, 'first', last));
  });

  it('takes a text for its UTF-8 bytes', () => {
    expect(digest(32, 'ü')).toEqual(digest(32, Buffer.from('ü')));
  });

  it.each([507, 508, 509, 100_000])('takes a part of %i bytes as it is, however much room that needs', (length) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    const part = Buffer.alloc(length, 'ab');
    expect(digest(32, part)).toEqual(createHash('sha256').update(head).update(part).digest());
  });

  it('tells where one part ends and the next begins', () => {
    const parts = fc.array(fc.string({ maxLength: 3 }), { maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (one, two) => {
        const equal = JSON.stringify(one) === JSON.stringify(two);
        expect(hexDigest(16, ...one) === hexDigest(16, ...two)).toBe(equal);
      }),
      {
        numRuns: 500,
        examples: [
          [
            ['ab', 'c'],
            ['a', 'bc'],
          ],
          [[''], []],
        ],
      },
    );
  });
});
