import { describe, expect, it } from 'vitest';
import { type EstimateRules, estimateAccount, estimateAll, type Load } from '../../src/check/estimate.ts';
import { type HostBudget, noBudget } from '../../src/limits/budgets.ts';

const GB = 1_000_000_000;

function rules(hosts: Record<string, Partial<HostBudget>> = {}, sessions = 20): EstimateRules {
  return {
    budgetOf: (host) => ({ ...noBudget, ...hosts[host] }),
    sessions,
    dayMs: 86_400_000,
    messagesPerSecond: 100,
    bytesPerSecond: 1_000_000,
  };
}

const load = (messages: number, bytes: number, sourceHost = 'pop', destinationHost = 'imap'): Load => ({
  messages,
  bytes,
  sourceHost,
  destinationHost,
});

describe('the estimate of one account', () => {
  it('is nothing where nothing is to come', () => {
    expect(estimateAccount(load(0, 0), rules())).toEqual({ seconds: 0, days: 0 });
  });

  it('goes by messages or by bytes, whichever take longer', () => {
    expect(estimateAccount(load(1000, 1000), rules())).toEqual({ seconds: 10, days: 1 });
    expect(estimateAccount(load(10, 60_000_000), rules())).toEqual({ seconds: 60, days: 1 });
  });

  it('is stretched by the rate of either side', () => {
    expect(estimateAccount(load(1000, 0), rules({ imap: { messagesPerSecond: 4 } })).seconds).toBe(250);
    expect(estimateAccount(load(1, 1_000_000), rules({ pop: { bytesPerSecond: 1000 } })).seconds).toBe(1000);
  });

  it('is stretched over days by the limit of either side, and its last day is not a whole one', () => {
    const limited = rules({ pop: { downloadBytesPerDay: 1.25 * GB }, imap: { uploadBytesPerDay: 0.5 * GB } });
    expect(estimateAccount(load(1000, 2 * GB), limited)).toEqual({ seconds: 3 * 86_400 + 2000, days: 4 });
    expect(estimateAccount(load(1000, 0.5 * GB), limited).days).toBe(1);
    // The limits are those of the other direction.
    const others = rules({ pop: { uploadBytesPerDay: 1 }, imap: { downloadBytesPerDay: 1 } });
    expect(estimateAccount(load(1000, GB), others).days).toBe(1);
  });
});

describe('the estimate of all accounts', () => {
  const hundred = Array.from({ length: 100 }, () => load(1000, 1_000_000));

  it('is nothing for none', () => {
    expect(estimateAll([], rules())).toEqual({ seconds: 0, days: 0, because: [] });
    expect(estimateAll([load(0, 0)], rules())).toEqual({ seconds: 0, days: 0, because: [] });
  });

  it('shares the sessions, and lasts as long as the longest account', () => {
    expect(estimateAll(hundred, rules())).toEqual({ seconds: 50, days: 1, because: [] });
    expect(estimateAll([...hundred, load(1000, GB)], rules()).seconds).toBe(1000);
  });

  it('counts two connections for who appends', () => {
    const { seconds, because } = estimateAll(hundred, rules({ imap: { connections: 4 } }));
    expect(seconds).toBe(500);
    expect(because).toEqual(['imap allows 4 connection(s) at once']);
    expect(estimateAll(hundred, rules({ pop: { connections: 4 } })).seconds).toBe(250);
    expect(estimateAll(hundred, rules({ imap: { connections: 1 } })).seconds).toBe(1000);
  });

  it('shares the rate of a host among all its accounts', () => {
    const { seconds, because } = estimateAll(hundred, rules({ imap: { messagesPerSecond: 10 } }));
    expect(seconds).toBe(10_000);
    expect(because).toEqual(['imap allows 10 message(s) a second']);
    expect(estimateAll(hundred, rules({ pop: { loginsPerSecond: 0.1 } }))).toMatchObject({
      seconds: 1000,
      because: ['pop allows 0.1 login(s) a second'],
    });
  });

  it('says which daily limit stretches it, for how many accounts and over how many days', () => {
    const loads = [load(10, 9 * GB), load(10, 2 * GB), load(10, GB)];
    const { days, seconds, because } = estimateAll(loads, rules({ imap: { uploadBytesPerDay: GB } }));
    expect(days).toBe(9);
    expect(seconds).toBe(8 * 86_400 + 9000);
    expect(because).toEqual(['imap allows 1 GB of upload a day for each account: 2 account(s) need up to 9 days']);
  });
});
