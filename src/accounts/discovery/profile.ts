/** Settings of known providers. */
import { type Answer, nothing } from './candidate.ts';
import type { ProviderFacts } from './seams.ts';

/** What a provider profile says; nothing where there is none. */
export function profileAnswer(facts: ProviderFacts | undefined): Answer {
  if (facts === undefined) return nothing;
  const source = `provider profile ${facts.name}`;
  return {
    candidates: facts.servers.map((server) => ({ ...server, origin: 'profile', source, dnsOnly: false })),
    notOffered: facts.notOffered,
    advice: facts.advice,
  };
}
