import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Seal, type SealedPlace } from '../../src/accounts/seal.ts';
import { MailhaulError } from '../../src/ground/errors.ts';

const key = randomBytes(32);
const seal = new Seal(key);
const place: SealedPlace = { account: 'a'.repeat(32), column: 'pop_password', purpose: 'here' };
const text = fc.string({ unit: 'binary', maxLength: 300 });

function refused(work: () => string): boolean {
  try {
    work();
    return false;
  } catch (error) {
    return error instanceof MailhaulError && error.code === 'seal-broken';
  }
}

describe('a sealed value', () => {
  it('opens to what was sealed, in its place', () => {
    fc.assert(
      fc.property(text, fc.string(), fc.string(), fc.string(), (secret, account, column, purpose) => {
        const where = { account, column, purpose };
        expect(seal.open(seal.seal(secret, where), where)).toBe(Buffer.from(secret, 'utf8').toString('utf8'));
      }),
    );
  });

  it('shows nothing of the text, nor that two texts are one', () => {
    const [one, other] = [seal.seal('hunter2', place), seal.seal('hunter2', place)];
    expect(one).not.toBe(other);
    for (const sealed of [one, other]) {
      const bytes = Buffer.from(sealed, 'base64');
      expect(bytes.includes('hunter2')).toBe(false);
      // Layout, nonce, text, tag.
      expect(bytes.length).toBe(1 + 12 + 7 + 16);
    }
  });

  it('does not open when any of its bytes was changed', () => {
    fc.assert(
      fc.property(text, fc.nat(), fc.integer({ min: 1, max: 255 }), (secret, at, change) => {
        const bytes = Buffer.from(seal.seal(secret, place), 'base64');
        bytes[at % bytes.length]! ^= change;
        expect(refused(() => seal.open(bytes.toString('base64'), place))).toBe(true);
      }),
    );
  });

  it('does not open cut short, made longer, or spelt otherwise', () => {
    const sealed = seal.seal('secret', place);
    const bytes = Buffer.from(sealed, 'base64');
    for (let length = 0; length < bytes.length; length += 1) {
      expect(refused(() => seal.open(bytes.toString('base64', 0, length), place))).toBe(true);
    }
    expect(refused(() => seal.open(Buffer.concat([bytes, Buffer.of(0)]).toString('base64'), place))).toBe(true);
    expect(refused(() => seal.open(`${sealed} `, place))).toBe(true);
    expect(refused(() => seal.open(sealed.replace(/=+$/, ''), place))).toBe(sealed.endsWith('='));
  });

  it('does not open for another account, column or purpose', () => {
    const parts = fc.record({ account: fc.string(), column: fc.string(), purpose: fc.string() });
    fc.assert(
      fc.property(text, parts, parts, (secret, from, to) => {
        fc.pre(JSON.stringify(from) !== JSON.stringify(to));
        expect(refused(() => seal.open(seal.seal(secret, from), to))).toBe(true);
      }),
    );
  });

  it.each([[{ account: 'ab', column: 'c' }], [{ account: 'a', column: 'cb' }], [{ account: 'A', column: 'bc' }]])(
    'does not open in a place that reads alike: %j',
    (other) => {
      const sealed = seal.seal('x', { account: 'a', column: 'bc', purpose: '' });
      expect(refused(() => seal.open(sealed, { ...other, purpose: '' }))).toBe(true);
    },
  );

  it('does not open with another key', () => {
    expect(refused(() => new Seal(randomBytes(32)).open(seal.seal('x', place), place))).toBe(true);
  });
});

describe('a seal', () => {
  it('never shows its key', () => {
    for (const shown of [inspect(seal, { depth: 9, showHidden: true }), JSON.stringify(seal), String(seal)]) {
      for (const form of ['hex', 'base64'] as const) expect(shown).not.toContain(key.toString(form));
    }
  });
});
