/** The scan of headers over hostile bytes: no exception, and time and memory that grow with the bytes alone. */
import { describe, expect, it } from 'vitest';
import { firstField, headerEnd, headerFields } from '../../src/message/header.ts';
import { fuzz, mailBytes } from '../fuzz.ts';

const MEGABYTE = 1_048_576;

describe('the header scan', () => {
  fuzz('reads any bytes, and the same ones from the header alone', mailBytes, (bytes) => {
    const fields = headerFields(bytes);
    const end = headerEnd(bytes);
    if (end !== -1) expect(headerFields(bytes.subarray(0, end))).toEqual(fields);
    let characters = 0;
    for (const [name, values] of fields) {
      expect(name).toMatch(/^[\x21-\x39\x3b-\x7e]+$/);
      for (const value of values) {
        expect(value).not.toContain('\n');
        characters += name.length + value.length;
      }
    }
    expect(characters).toBeLessThanOrEqual(bytes.length);
  });

  // A scan that were quadratic would take minutes and gigabytes for any of these.
  it.each([
    ['of colons', ':'],
    ['of CR', '\r'],
    ['of CR before every LF', `x${'\r'.repeat(100)}\n`],
    ['of folded lines', '\n x'],
    ['of folded empty lines', '\n '],
    ['of equal fields', '\na:'],
    ['of blanks', ' '],
    ['of blanks before a colon', '\na           :'],
    ['of NUL', '\0'],
    ['of 8-bit characters', '\xff'],
    ['of lines that are no field', '\nxyz'],
  ])('reads a megabyte %s', { timeout: 10_000 }, (_, unit) => {
    const bytes = Buffer.from(`a: ${unit.repeat(Math.floor(MEGABYTE / unit.length))}`, 'latin1');
    expect(headerEnd(bytes)).toBeLessThanOrEqual(bytes.length);
    const fields = headerFields(bytes);
    expect([...fields.keys()]).toContain('a');
    expect(firstField(fields, 'a').length).toBeLessThanOrEqual(bytes.length);
  });

  it('reads a megabyte of fields that all differ', { timeout: 10_000 }, () => {
    const bytes = Buffer.from(Array.from({ length: 130_000 }, (_, i) => `${i}:\n`).join(''));
    expect(headerFields(bytes).size).toBe(130_000);
  });
});
