import { describe, expect, it } from 'vitest';
import { depthOf, sampleSizeText } from '../../src/operations/verify-depth.ts';
import type { Sample } from '../../src/verify/sample.ts';

describe('--deep', () => {
  it.each([
    ['500', { messages: 500 }],
    ['1', { messages: 1 }],
    ['5%', { percent: 5 }],
    ['0.5%', { percent: 0.5 }],
    ['100%', { percent: 100 }],
  ])('takes %s, and says it the same way', (text, size) => {
    const sample = depthOf(text, '17') as Sample;
    expect(sample).toEqual({ size, seed: 17 });
    expect(sampleSizeText(sample)).toBe(text);
  });

  it.each(['0', '-5', '2.5', '0%', '101%', '5 %', '%', 'some', '1e3', '', '9'.repeat(30)])(
    'refuses “%s”, and says what it takes',
    (text) => {
      const error = expect.objectContaining({
        code: 'usage',
        message: expect.stringMatching(new RegExp(`^--deep ${text}: .*--deep 500.*--deep 5%.*--deep alone`)),
      });
      expect(() => depthOf(text, undefined)).toThrow(error);
    },
  );

  it('alone compares everything, and only doubts where it is not given', () => {
    expect(depthOf(true, undefined)).toBe('all');
    expect(depthOf(undefined, undefined)).toBe('doubts');
  });
});

describe('the seed', () => {
  it('is made up where none is given, another each time', () => {
    const seeds = Array.from({ length: 50 }, () => (depthOf('5%', undefined) as Sample).seed);
    expect(new Set(seeds).size).toBe(50);
    expect(seeds.every(Number.isSafeInteger)).toBe(true);
  });

  it('can be given, 0 included', () => {
    expect(depthOf('5', '0')).toEqual({ size: { messages: 5 }, seed: 0 });
  });

  it.each(['x', '-1', '1.5', '', '9'.repeat(20)])('“%s” is a usage error that names it', (seed) => {
    expect(() => depthOf('5%', seed)).toThrow(`--seed ${seed}: give the whole number`);
  });

  it.each([true, undefined] as const)('without a sample is a usage error (%s)', (deep) => {
    expect(() => depthOf(deep, '5')).toThrow('--seed 5: it chooses a sample');
  });
});
