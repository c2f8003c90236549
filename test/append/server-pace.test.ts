/** When a server counts as slower than the line to it. */
import { expect, test } from 'vitest';
import { ServerPace } from '../../src/append/server-pace.ts';

/** Commands given at once and answered at these times, in milliseconds. */
function paceOf(roundTripMs: number, answers: readonly number[], givenAt = () => 0): ServerPace {
  const pace = new ServerPace();
  pace.noteRoundTrip(roundTripMs * 5);
  pace.noteRoundTrip(roundTripMs);
  for (const at of answers) pace.noteAnswer(givenAt(), at);
  return pace;
}

test.each([
  ['works longer on a command than the line takes', 40, [200, 290, 380], true],
  ['works as long', 40, [200, 245, 290], false],
  ['has answered too few', 40, [200, 290], false],
  ['is next door', 1, [10, 18, 26], true],
])('a server that %s', (_, roundTripMs, answers, isSlow) => {
  expect(paceOf(roundTripMs, answers).isSlow).toBe(isSlow);
});

test('time in which nothing was under way does not count', () => {
  const pace = new ServerPace();
  pace.noteRoundTrip(10);
  for (const at of [100, 1100, 2100, 3100]) pace.noteAnswer(at - 11, at);
  expect(pace.isSlow).toBe(false);
});

test('nothing is said before a round trip is known', () => {
  const pace = new ServerPace();
  for (const at of [100, 200, 300]) pace.noteAnswer(0, at);
  expect(pace.isSlow).toBe(false);
});

test.each([
  ['nothing is known and much is unanswered', 40, [], 3, true],
  ['nothing is known and little is unanswered', 40, [], 2, false],
  ['the line is long', 90, [], 3, false],
  ['it is slow, as is known', 40, [200, 290, 380], 1, true],
  ['it is fast, as is known', 40, [200, 220, 240], 3, false],
])('a second connection where %s', (_, roundTripMs, answers, unanswered, isWanted) => {
  expect(paceOf(roundTripMs, answers).wantsSecond(unanswered)).toBe(isWanted);
});
