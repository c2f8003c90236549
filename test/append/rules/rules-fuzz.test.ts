/** Rules that nobody would write and mail that nobody should send: no exception, no hang, harmless names. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RuleSet } from '../../../src/append/rules/rule-set.ts';
import { targetKey } from '../../../src/append/target.ts';
import { loadPatterns } from '../../../src/ground/patterns.ts';
import { presetNames, type RuleElement, rulesSchema } from '../../../src/ground/settings-rules.ts';
import { loadWordDecoder } from '../../../src/message/encoded-words.ts';
import { headerFields } from '../../../src/message/header.ts';
import { fuzz, mailBytes } from '../../fuzz.ts';

await loadPatterns();

const owner = { id: 'me', group: '', addresses: new Set(['me@example.com']), source: 'pop.example' };
const word = fc.constantFrom('x', 'Received', '2004', '=?', 'Mon,', '(', '[a', 'a+', '\\', '.', '@');
const field = fc.constantFrom('From', 'Subject', 'List-Id', 'Received', 'X-Nothing');
const condition: fc.Arbitrary<Record<string, unknown>> = fc.letrec<{ condition: Record<string, unknown> }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 5 },
    fc.record({ header: field, contains: word }),
    fc.record({ header: field, matches: fc.oneof(word, fc.string({ maxLength: 12 })) }),
    fc.record({ header: field, exists: fc.boolean() }),
    fc.record({ listId: fc.oneof(fc.boolean(), word), spam: fc.boolean() }, { requiredKeys: [] }),
    fc.record({ olderThanDays: fc.nat(9000), beforeThisYear: fc.boolean() }, { requiredKeys: [] }),
    fc.record({ not: tie('condition') }),
    fc.record({ any: fc.array(tie('condition'), { maxLength: 3 }) }),
    fc.record({ all: fc.array(tie('condition'), { maxLength: 3 }) }),
  ),
})).condition;
const to = fc.oneof(
  fc.constantFrom('Lists/{list-id}', '{from-domain}', '\\Archive/{year}/{month}', '\\Junk', 'a{source}b{list-id}'),
  fc.string({ maxLength: 20 }),
);
const action = fc.record(
  { to, flags: fc.constant(['\\Flagged']), keywords: fc.array(fc.string({ maxLength: 5 }), { maxLength: 2 }) },
  { requiredKeys: ['to'] },
);
const rule: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...presetNames),
  fc.tuple(condition, action).map(([one, other]) => ({ ...one, ...other })),
);
const header = fc
  .tuple(fc.array(fc.tuple(field, mailBytes), { maxLength: 6 }), mailBytes)
  .map(([fields, rest]) =>
    Buffer.concat([...fields.map(([name, bytes]) => Buffer.concat([Buffer.from(`${name}: `), bytes])), rest]),
  );

describe('random rules and random mail', () => {
  fuzz(
    'give a verdict, and names that harm nobody',
    fc.tuple(fc.array(rule, { maxLength: 6 }), header, fc.integer()),
    async ([list, bytes, time]) => {
      const parsed = rulesSchema.safeParse({ default: list, groups: {}, accounts: {} });
      const rules = parsed.data ?? { default: presetNames, groups: {}, accounts: {} };
      const set = await RuleSet.of(owner, { rules, placement: 'sent', rulesTextMaxLength: 500, rulesMailboxesMax: 5 });
      const fields = headerFields(bytes);
      const { target } = set.decide({ fields, size: bytes.length, date: { time, zone: 60 }, now: 2 ** 41 });
      const name = targetKey(target);
      expect(name.length).toBeLessThan(1000);
      expect(name.split('/').slice(1)).not.toContain('');
    },
    400,
  );

  fuzz(
    'never choose more levels than the rule has, nor anything but plain characters',
    header,
    async (bytes) => {
      const rules = {
        default: [{ to: '{list-id}' }, { to: '{from-domain}' }] as RuleElement[],
        groups: {},
        accounts: {},
      };
      const set = await RuleSet.of(owner, { rules, placement: 'sent', rulesTextMaxLength: 500, rulesMailboxesMax: 5 });
      const { target } = set.decide({ fields: headerFields(bytes), size: 1, date: undefined, now: 0 });
      expect(targetKey(target)).toMatch(/^[\p{L}\p{N}\p{M}._@+=-]{0,60}$/u);
      expect(targetKey(target)).not.toMatch(/^[._-]|[._-]$|\.\./);
    },
    400,
  );

  fuzz('decode to some text', fc.oneof(mailBytes.map(String), fc.string({ unit: 'binary' })), async (text) => {
    const decode = await loadWordDecoder();
    expect(typeof decode(`=?${text}?q?${text}?=`)).toBe('string');
  });
});

describe('a classic exponential pattern', () => {
  it.each(['(a+)+$', '(a|aa)+$', '(x+x+)+y', '(.*)*(.*)*(.*)*!$'])('%s takes no longer for it', async (matches) => {
    const rules = { default: [{ header: 'Subject', matches, to: 'X' }], groups: {}, accounts: {} };
    const limits = { rulesTextMaxLength: 100_000, rulesMailboxesMax: 5 };
    const set = await RuleSet.of(owner, { rules, placement: 'sent', ...limits });
    const line = Buffer.from(`Subject: ${'ax'.repeat(20)}${'a'.repeat(50_000)}${'x'.repeat(40_000)}?\r\n\r\n`);
    const { target } = set.decide({ fields: headerFields(line), size: 1, date: undefined, now: 0 });
    expect(target.kind).toBe('main');
  });
});
