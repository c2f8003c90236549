import { afterEach, expect, it, vi } from 'vitest';
import { noteTime, serviceNow } from '../../../src/dashboard/web/clock.ts';

const noon = Date.UTC(2026, 10, 22, 12);

afterEach(() => void vi.useRealTimers());

it('is the time of the service, whatever the reader’s clock says', () => {
  vi.useFakeTimers({ now: noon });
  noteTime(new Date(noon - 7_200_000).toUTCString());
  expect(serviceNow()).toBe(noon - 7_200_000);
  vi.setSystemTime(noon + 60_000);
  expect(serviceNow()).toBe(noon - 7_140_000);
  // What a clock is set right to, and what no answer says.
  noteTime(new Date(noon + 58_000).toUTCString());
  expect(serviceNow()).toBe(noon + 60_000);
  noteTime(null);
  noteTime('no date');
  expect(serviceNow()).toBe(noon + 60_000);
});
