import { describe, expect, it } from 'vitest';
import { visible } from '../../../src/dashboard/web/foreign-text.ts';
import { bytes, instant, number, percent, plural, rate, relative, span } from '../../../src/dashboard/web/format.ts';

describe('numbers', () => {
  it('are grouped, and counted in words', () => {
    expect([number(0), number(10_000_000), plural(1, 'account'), plural(0, 'try', 'tries')]).toEqual([
      '0',
      '10,000,000',
      '1 account',
      '0 tries',
    ]);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [9.8e12, '9.8 TB'],
    [1e18, '1000.0 PB'],
  ])('%d bytes are %s', (value, text) => {
    expect(bytes(value)).toBe(text);
  });

  it.each([
    [0, 0, '–'],
    [0, 5, '0.0 %'],
    [1, 10_000_000, '< 0.1 %'],
    [9_999_999, 10_000_000, '99.9 %'],
    [5, 5, '100 %'],
  ])('%d of %d are %s', (part, whole, text) => {
    expect(percent(part, whole)).toBe(text);
  });

  it.each([
    [0, '0'],
    [0.01, '< 0.1'],
    [2.345, '2.3'],
    [1234.5, '1,235'],
  ])('a rate of %d is %s', (value, text) => {
    expect(rate(value)).toBe(text);
  });
});

describe('times', () => {
  it.each([
    [0, '0 s'],
    [59.4, '59 s'],
    [60, '1 min'],
    [3599, '1 h'],
    [9240, '2 h 34 min'],
    [90_000, '1 d 1 h'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(span(seconds)).toBe(text);
  });

  it('are told from now, with the date where it is another day', () => {
    const now = new Date(2026, 10, 22, 14, 3, 22).getTime();
    expect([relative(now + 90_000, now), relative(now - 7_200_000, now), relative(now, now)]).toEqual([
      'in 2 min',
      '2 h ago',
      'now',
    ]);
    expect([instant(now, now), instant(now - 86_400_000, now)]).toEqual(['14:03:22', '2026-11-21 14:03']);
  });
});

describe('text of others', () => {
  it('shows what would not be seen or would turn the order around', () => {
    expect(visible('a\u202egnp.exe')).toBe('a⟨202E⟩gnp.exe');
    expect(visible('\u001b[31mred\u0000\u007f')).toBe('␛[31mred␀␡');
    expect(visible('tag \u{e0041}')).toBe('tag ⟨E0041⟩');
  });

  it('stays on one line and within bounds, and is else as it was', () => {
    expect(visible('one\r\ntwo\tthree')).toBe('one two three');
    expect(visible('x'.repeat(50), 10)).toBe(`${'x'.repeat(10)}…`);
    expect(visible('Grüße, 你好 <b>👩‍🚒</b>'.replace('\u200d', ''))).toBe('Grüße, 你好 <b>👩🚒</b>');
  });
});
