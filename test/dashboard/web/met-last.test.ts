import { expect, it } from 'vitest';
import { looseError, metLast } from '../../../src/dashboard/web/met-last.ts';
import { untilText } from '../../../src/limits/waits.ts';

const now = Date.UTC(2026, 10, 22, 12);
const wait = untilText({ side: 'source', untilMs: now + 3_600_000, because: 'pop.test allows 1 GB a day' }, now);
const problem = { code: 'connection-lost', stops: 'host', count: 1, text: 'it went away', remedy: '' } as const;

it('is an error that nothing else on the page tells', () => {
  expect(looseError({ state: 'failed', problems: [problem], error: 'another' })).toBe('another');
  expect(looseError({ state: 'failed', problems: [problem], error: problem.text })).toBe('');
  expect(looseError({ state: 'complete', problems: [], error: 'met and got over' })).toBe('');
});

it('is no wait, which has a box of its own and may be over', () => {
  for (const state of ['waiting', 'running', 'incomplete', 'failed'] as const) {
    expect(looseError({ state, problems: [], error: wait })).toBe('');
  }
  expect(metLast(wait)).toBe('waited until 13:00 UTC, because pop.test allows 1 GB a day');
  expect(metLast('it went away')).toBe('it went away');
});
