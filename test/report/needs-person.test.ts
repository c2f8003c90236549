import { expect, test } from 'vitest';
import { type ErrorCode, errorRows } from '../../src/ground/errors.ts';
import type { RunState } from '../../src/ledger/run.ts';
import { isForPerson, needsPerson } from '../../src/report/needs-person.ts';

function run(state: RunState, more: { refused?: number; refusedBefore?: number } = {}) {
  const ended = ['complete', 'incomplete', 'failed'].includes(state);
  return { state, finishedAt: ended ? 1000 : 0, refused: 0, refusedBefore: 0, ...more };
}

test('what retry never says, and what only a person can mend, waits for a person', () => {
  for (const code of [
    'credentials-refused',
    'uidvalidity-changed',
    'oauth-consent-needed',
    'tls-unverified',
  ] as const) {
    expect(needsPerson(run('failed'), [code]), code).toBe(true);
  }
});

test('what the next run may find mended does not', () => {
  for (const code of ['connection-refused', 'budget-waits', 'message-unreadable', 'unexpected'] as const) {
    expect(needsPerson(run('failed'), [code]), code).toBe(false);
  }
});

test('a remark never calls for a person, whatever its row says of retry', () => {
  const remarks = errorRows.filter(({ stops }) => stops === 'none').map(({ code }) => code);
  expect(remarks.filter(isForPerson)).toEqual([]);
  expect(needsPerson(run('incomplete'), remarks)).toBe(false);
});

test('refused messages that nobody accepted do, of this run and of one before, once the run has ended', () => {
  expect(needsPerson(run('incomplete', { refused: 1 }), [])).toBe(true);
  expect(needsPerson(run('incomplete', { refusedBefore: 1 }), [])).toBe(true);
  expect(needsPerson(run('running', { refused: 1 }), ['append-refused'])).toBe(false);
});

test('a complete run, one under way, a pause and an account without a run do not', () => {
  const codes: ErrorCode[] = ['credentials-refused'];
  expect(needsPerson(undefined, [])).toBe(false);
  for (const state of ['complete', 'running', 'queued', 'paused'] as const) {
    expect(needsPerson(run(state), codes), state).toBe(false);
  }
});

test('a run that waits for room does, one that waits for its turn does not', () => {
  expect(needsPerson(run('waiting'), ['mailbox-full'])).toBe(true);
  expect(needsPerson(run('waiting'), ['append-refused'])).toBe(false);
  expect(needsPerson(run('waiting'), [])).toBe(false);
});

test('what has failed and is not begun again by its schedule does', () => {
  expect(needsPerson(run('failed'), ['connection-refused'], false)).toBe(true);
  expect(needsPerson(run('complete'), [], false)).toBe(false);
});
