/** What providers are known to allow, as the limits of their hosts where the settings do not say. */
import type { Profile } from '../accounts/profile-schema.ts';
import { profilesOf } from '../accounts/profiles.ts';
import type { Settings } from '../ground/settings.ts';
import { type HostBudget, withKnownLimits } from '../limits/budgets.ts';

/**
 * The settings with the limits of all hosts that a profile names. Profiles with patterns or without hosts (cPanel, say) are
 * known by each line's server only: what they allow is said in docs/providers.md. Throws `settings-invalid`.
 */
export function withProviderLimits<S extends Pick<Settings, 'budgets' | 'providersFile'>>(settings: S): S {
  const known = new Map<string, Partial<HostBudget>>();
  for (const profile of profilesOf(settings).all) {
    const limits = budgetOfProfile(profile);
    if (Object.keys(limits).length === 0) continue;
    for (const host of profile.hosts?.names ?? []) if (!host.startsWith('*')) known.set(host, limits);
  }
  return withKnownLimits(settings, known);
}

/** The limits of a provider that budgets can keep; the size of a message is none of them. */
export function budgetOfProfile({ limits }: Profile): Partial<HostBudget> {
  const { messageBytes: _, ...rest } = limits;
  return Object.fromEntries(Object.entries(rest).map(([name, fact]) => [name, fact?.value]));
}
