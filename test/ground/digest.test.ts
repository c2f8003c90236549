import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digest, hexDigest } from '../../src/ground/digest.ts';

describe('a digest', () => {
  it('has as many bytes as asked for, the same ones first', () => {
    expect(digest(5, 'a')).toEqual(digest(32, 'a').subarray(0, 5));
    expect(hexDigest(5, 'a')).toBe(digest(5, 'a').toString('hex'));
  });

  it('is SHA-256 over each part behind its length, so that stored ones stay valid', () => {
    const expected = createHash('sha256').update(Buffer.from('00000002c3bc0000000101', 'hex')).digest();
    expect(digest(32, 'ü', Buffer.from([1]))).toEqual(expected);
  });

  it('takes a text for its UTF-8 bytes', () => {
    expect(digest(32, 'ü')).toEqual(digest(32, Buffer.from('ü')));
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
