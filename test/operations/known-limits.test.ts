import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { budgetOf, noBudget } from '../../src/limits/budgets.ts';
import { withProviderLimits } from '../../src/operations/known-limits.ts';

/** The settings of a program that was started with these budgets. */
function started(budgets: object) {
  const given = { default: {}, hosts: {}, ...budgets };
  return withProviderLimits(loadSettings({ env: { MAILHAUL_BUDGETS: JSON.stringify(given) }, options: {} }));
}

describe('the limits of a host', () => {
  it('are those of its profile where the settings say nothing', () => {
    const settings = started({});
    expect(budgetOf(settings, 'pop.gmail.com')).toMatchObject({
      downloadBytesPerDay: 1_250_000_000,
      uploadBytesPerDay: 500_000_000,
      connectionsPerAccount: 15,
      messagesPerSecond: 0,
    });
    expect(budgetOf(settings, 'Outlook.Office365.com').messagesPerSecondPerAccount).toBe(4);
    expect(budgetOf(settings, 'pop.example.com')).toEqual(noBudget);
  });

  it('are those of the settings where they name the host, one by one, no limit included', () => {
    const hosts = { 'POP.Gmail.com': { downloadBytesPerDay: 0, connectionsPerAccount: 20 } };
    expect(budgetOf(started({ hosts }), 'pop.gmail.com')).toEqual({
      ...noBudget,
      connectionsPerAccount: 20,
      uploadBytesPerDay: 500_000_000,
    });
  });

  it('are the stricter of profile and default where the settings do not name the host', () => {
    const settings = started({ default: { connectionsPerAccount: 4, downloadBytesPerDay: 9e9, bytesPerSecond: 5 } });
    expect(budgetOf(settings, 'imap.gmail.com')).toEqual({
      ...noBudget,
      connectionsPerAccount: 4,
      downloadBytesPerDay: 1_250_000_000,
      uploadBytesPerDay: 500_000_000,
      bytesPerSecond: 5,
    });
    expect(budgetOf(settings, 'pop.example.com').downloadBytesPerDay).toBe(9e9);
  });
});
