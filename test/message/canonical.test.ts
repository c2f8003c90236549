import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyDigest, Canonical } from '../../src/message/canonical.ts';
import { headerEnd } from '../../src/message/header.ts';

const message = fc
  .array(fc.constantFrom('\r', '\n', '\r\n', '\0', 'a', '\x80', '\xff', '.'), { maxLength: 40 })
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));
const cuts = fc.array(fc.nat(40), { maxLength: 6 });

function pieces(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.filter((at) => at <= bytes.length).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((to, i) => bytes.subarray(sorted[i]!, to));
}

function canonical(parts: readonly Buffer[]): Buffer {
  const out: Buffer[] = [];
  const form = new Canonical((bytes) => out.push(Buffer.from(bytes)));
  for (const part of parts) form.push(part);
  form.end();
  return Buffer.concat(out);
}

/** The rule of the design in one line of regular expressions. */
function reference(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1').replace(/\r*\n/g, '\r\n').replace(/\0/g, '\x80').replace(/\r\n$/, '');
  return Buffer.from(text, 'latin1');
}

/** What Dovecot shows of a message that it stored. */
function stored(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(/\r*\n/g, '\r\n').replace(/\0/g, '\x80'), 'latin1');
}

async function* stream(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}

describe('the canonical form', () => {
  it.each([
    ['a\nb', 'a\r\nb'],
    ['a\r\r\nb', 'a\r\nb'],
    ['a\r\n', 'a'],
    ['a\n\n', 'a\r\n'],
    ['a\rb', 'a\rb'],
    ['a\n\r', 'a\r\n\r'],
    ['\0', '\x80'],
    ['', ''],
  ])('of %j is %j', (text, form) => {
    expect(canonical([Buffer.from(text, 'latin1')]).toString('latin1')).toBe(form);
  });

  it('is that of the regular expressions, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(message, cuts, (bytes, places) => {
        expect(canonical(pieces(bytes, places))).toEqual(reference(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  it('does not change when its final CRLF comes back, as a server may add it', () => {
    fc.assert(
      fc.property(message, (bytes) => {
        const once = canonical([bytes]);
        fc.pre(once.at(-1) !== 13);
        expect(canonical([once, Buffer.from('\r\n')])).toEqual(once);
      }),
    );
  });

  it('does not change a form without a final line end', () => {
    fc.assert(
      fc.property(message, (bytes) => {
        const once = canonical([bytes]);
        fc.pre(once.at(-1) !== 10);
        expect(canonical([once])).toEqual(once);
      }),
    );
  });
});

describe('the digest of a body', () => {
  it('is that of what follows the header, in canonical form', async () => {
    const whole = Buffer.from('Received: here\r\n\r\nbody\0\n');
    const expected = createHash('sha256').update(Buffer.from('body\x80', 'latin1')).digest();
    expect(await bodyDigest(stream([whole]))).toEqual(expected);
  });

  it('is the same for two deliveries of one message, and another for another body', async () => {
    const one = await bodyDigest(stream([Buffer.from('Received: here\r\nSubject: a\r\n\r\nbody\r\n')]));
    expect(await bodyDigest(stream([Buffer.from('Received: there\nSubject: a\n\nbody\n')]))).toEqual(one);
    expect(await bodyDigest(stream([Buffer.from('Received: here\r\nSubject: a\r\n\r\nBody\r\n')]))).not.toEqual(one);
  });

  it('is that of the whole message where no empty line ends a header', async () => {
    const expected = createHash('sha256').update('a: b\r\nc').digest();
    expect(await bodyDigest(stream([Buffer.from('a: b\nc')]))).toEqual(expected);
  });

  it('does not depend on the cuts', async () => {
    await fc.assert(
      fc.asyncProperty(message, cuts, async (bytes, places) => {
        expect(await bodyDigest(stream(pieces(bytes, places)))).toEqual(await bodyDigest(stream([bytes])));
      }),
    );
  });

  it('does not depend on the cuts of a header of several megabytes', async () => {
    const header = Buffer.from(`X: ${'y'.repeat(994)}\r\n`.repeat(4500));
    const whole = Buffer.concat([header, Buffer.from('\r\nbody\r\n')]);
    const megabytes = pieces(
      whole,
      [1, 2, 3, 4].map((n) => n * 1024 * 1024),
    );
    expect(await bodyDigest(stream(megabytes))).toEqual(await bodyDigest(stream([whole])));
  });

  it('is the same for a message and for what Dovecot shows of it', async () => {
    await fc.assert(
      fc.asyncProperty(message, async (bytes) => {
        // The empty line must have been one before: a lone CR at the end is none.
        fc.pre(headerEnd(bytes) !== -1);
        expect(await bodyDigest(stream([stored(bytes)]))).toEqual(await bodyDigest(stream([bytes])));
      }),
      { examples: [[Buffer.from('\r\r\na\n\nb')]] },
    );
  });
});
