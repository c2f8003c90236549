import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type MaildropPlan, maildropsOf, messagesOf, wireBytes } from './corpora.ts';
import { Random } from './random.ts';

function digest(plan: MaildropPlan): string {
  const hash = createHash('sha256');
  for (const { bytes, delivered } of messagesOf(plan)) hash.update(bytes).update(delivered.toISOString());
  return hash.digest('hex');
}

const [big, d40, small, users] = (['big', 'd40', 'small', 'users'] as const).map((name) => maildropsOf(name, 'quick'));
const plans = [big![0]!, d40![0]!, small![0]!, ...users!.slice(0, 2)];

describe('made mail', () => {
  it.each(plans)('is the same every time ($user)', (plan) => {
    expect(digest(plan)).toBe(digest(plan));
    expect(digest({ ...plan, seed: plan.seed + 1 })).not.toBe(digest(plan));
  });

  it('has a Message-ID in every message, and none twice', () => {
    const ids = plans.flatMap((plan) =>
      [...messagesOf(plan)].map(({ bytes }) => /^Message-I[Dd]: (<\S+@\S+>)$/m.exec(bytes.toString('latin1'))?.[1]),
    );
    expect(ids.every((id) => id !== undefined)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('looks like mail: folded and signed headers, 8-bit text, attachments, lines that begin with dots', () => {
    const messages = [...messagesOf(big![0]!)].map(({ bytes }) => bytes);
    const text = messages.map((bytes) => bytes.toString('latin1'));
    const share = (pattern: RegExp) => text.filter((message) => pattern.test(message)).length / text.length;
    expect(share(/^Received: from .+\n\tby .+\n\tfor .+; \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$/m)).toBe(1);
    expect(share(/^Date: \w{3}, \d\d \w{3} \d{4}/m)).toBe(1);
    for (const pattern of [/^DKIM-Signature: (?:.*\n\s)+/m, /[\x80-\xff]/, /^Content-Transfer-Encoding: base64$/m]) {
      expect(share(pattern)).toBeGreaterThan(0.1);
    }
    expect(share(/^\.$/m)).toBeGreaterThan(0.05);
    expect(share(/^\.\w/m)).toBeGreaterThan(0.05);
    expect(messages.every((bytes) => bytes.at(-1) === 10 && !bytes.includes(13))).toBe(true);
  });

  it('has sizes like a maildrop: half of it small, a few very large', () => {
    const sizes = [...messagesOf(big![0]!)].map(({ bytes }) => bytes.length).sort((a, b) => a - b);
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    expect(sizes[sizes.length >> 1]!).toBeGreaterThan(8_000);
    expect(sizes[sizes.length >> 1]!).toBeLessThan(16_000);
    expect(mean).toBeGreaterThan(30_000);
    expect(sizes.at(-1)!).toBeLessThan(11_000_000);
  });

  it('has the number of messages that its name says', () => {
    expect(maildropsOf('users', 'full').map(({ user }) => user)).toHaveLength(20);
    expect(maildropsOf('big', 'full')).toMatchObject([{ user: 'big-5000', messages: 5_000 }]);
    expect([...messagesOf(d40![0]!)]).toHaveLength(d40![0]!.messages);
  });

  it('is counted as it goes over the wire', () => {
    expect(wireBytes(Buffer.from('a\nb\n\n'))).toBe(8);
  });
});

describe('repeatable numbers', () => {
  it('depend on the seed alone, and keep their bounds', () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 1000 }, () => random.between(3, 7));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect([...new Set(draw(1))].sort()).toEqual([3, 4, 5, 6, 7]);
    expect(new Random(9).bytes(7)).toHaveLength(7);
  });

  it('follow their distributions', () => {
    const random = new Random(5);
    const drawn = Array.from({ length: 20_000 }, () => random.logNormal(100, 0.5)).sort((a, b) => a - b);
    expect(drawn[10_000]!).toBeGreaterThan(97);
    expect(drawn[10_000]!).toBeLessThan(103);
  });
});
