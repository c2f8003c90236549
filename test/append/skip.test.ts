import { expect, test } from 'vitest';
import { skipProblem } from '../../src/append/skip.ts';

const old = { rule: 'old', reason: 'too old' };
const alerts = { rule: 'alerts', reason: 'nobody reads them' };

test('a report names every rule that skipped once, those of earlier batches too', () => {
  const first = skipProblem([old, old], 2);
  expect(first).toMatchObject({ code: 'message-skipped', count: 2, text: 'skipped by the rule old: too old' });
  const second = skipProblem([alerts, old], 4, first.text);
  expect(second.text).toBe('skipped by the rule old: too old; skipped by the rule alerts: nobody reads them');
  expect(skipProblem([alerts], 5, second.text).text).toBe(second.text);
});

test('and does not grow without end', () => {
  const many = Array.from({ length: 200 }, (_, i) => ({ rule: `rule ${i}`, reason: 'x'.repeat(100) }));
  expect(skipProblem(many, 200).text.length).toBeLessThanOrEqual(600);
});
