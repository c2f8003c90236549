/** Settings of known providers. */
import { type Answer, nothing, type Protocol, usualPort } from './candidate.ts';
import type { Profiles, ProviderFacts } from './seams.ts';

/** One side of a provider profile. */
interface ProviderDoor {
  /** May have `{domain}` in it. Profiles of server programs have none: they run anywhere. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly security?: 'tls' | 'starttls' | undefined;
  readonly auth: readonly string[];
  readonly user: 'address' | 'local';
}

/** A provider profile, as far as discovery reads it. */
interface KnownProvider {
  readonly name: string;
  readonly pop?: ProviderDoor | undefined;
  readonly imap?: ProviderDoor | undefined;
  readonly quirks: Readonly<Record<string, { readonly text: string } | undefined>>;
  readonly advice: readonly { readonly text: string }[];
}

/** Where provider profiles are looked up. */
export interface ProviderBook {
  forDomain(domain: string): KnownProvider | undefined;
  forMx(host: string): KnownProvider | undefined;
}

/** Quirks that somebody has to do something about before the first login. */
const tasks = 'oauthOnly appPasswordNeeded popMustBeEnabled imapMustBeEnabled webSignInFirst inboxOnly'.split(' ');

/** The provider profiles, as discovery asks them. */
export function knownProviders(book: ProviderBook): Profiles {
  return {
    forDomain: (domain) => factsOf(book.forDomain(domain), domain),
    forMx: (host, domain) => factsOf(book.forMx(host), domain),
  };
}

function factsOf(provider: KnownProvider | undefined, domain: string): ProviderFacts | undefined {
  if (provider === undefined) return undefined;
  const { name, pop, imap, quirks, advice } = provider;
  const doors = [['pop3', pop] as const, ['imap', imap] as const];
  return {
    name,
    servers: doors.flatMap(([protocol, door]) => serverOf(protocol, door, domain)),
    // A profile without one side is that of a provider who has none.
    notOffered: doors.flatMap(([protocol, door]) => (door === undefined ? [protocol] : [])),
    advice: [...tasks.flatMap((task) => quirks[task]?.text ?? []), ...advice.map(({ text }) => text)],
  };
}

function serverOf(protocol: Protocol, door: ProviderDoor | undefined, domain: string): ProviderFacts['servers'] {
  if (door?.host === undefined) return [];
  const { security = 'tls', port = usualPort(protocol, security), auth, user } = door;
  const logins = auth.map((each) => each.replace('-', ' '));
  return [{ protocol, host: door.host.replace('{domain}', domain), port, security, logins, user: `{${user}}` }];
}

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
