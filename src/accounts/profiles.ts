/** Provider profiles: what is known of mail providers, from config/providers.yaml and a file of the administrator. */
import { join, resolve } from 'node:path';
import type * as z from 'zod';
import { MailhaulError, printable } from '../ground/errors.ts';
import { nearest } from '../ground/nearest.ts';
import { packageRoot } from '../ground/package-root.ts';
import type { Settings } from '../ground/settings.ts';
import { type FactsFile, isFacts, readChecked, readFacts } from './profile-file.ts';
import { type Profile, profileName, profileSchema } from './profile-schema.ts';

const patternKinds = ['hosts', 'domains', 'mx'] as const;
type PatternKind = (typeof patternKinds)[number];

/** All profiles. No pattern of hosts, domains or MX is that of two. */
export class Profiles {
  readonly all: readonly Profile[];
  readonly #index: Readonly<Record<PatternKind, ReadonlyMap<string, Profile>>>;

  constructor(profiles: readonly Profile[]) {
    this.all = profiles;
    const index = (kind: PatternKind) =>
      new Map(
        profiles.flatMap((profile) => (profile[kind]?.names ?? []).map((pattern) => [pattern, profile] as const)),
      );
    this.#index = { hosts: index('hosts'), domains: index('domains'), mx: index('mx') };
  }

  /** The profile of a name, in whatever case. */
  named(name: string): Profile | undefined {
    return this.all.find((profile) => profile.name === name.toLowerCase());
  }

  /** The name that a wrong one was probably meant to be. */
  nearestName(name: string): string | undefined {
    return nearest(
      name,
      this.all.map((profile) => profile.name),
    );
  }

  /**
   * The profile of a host of POP3 or IMAP. Where two providers share a host (Microsoft 365 and Outlook.com do), the domain
   * of the user's address decides.
   */
  forHost(host: string, user = ''): Profile | undefined {
    const wanted = host.toLowerCase();
    const domain = /@([^@\s]+)$/.exec(user)?.[1];
    const ofDomain = domain === undefined ? undefined : this.forDomain(domain);
    if (ofDomain && [ofDomain.pop?.host, ofDomain.imap?.host].includes(wanted)) return ofDomain;
    return this.#match('hosts', wanted);
  }

  /** The profile of the domain of an address. */
  forDomain(domain: string): Profile | undefined {
    return this.#match('domains', domain.toLowerCase());
  }

  /** The profile of the host in an MX record; a final dot does not count. */
  forMx(host: string): Profile | undefined {
    return this.#match('mx', host.toLowerCase().replace(/\.$/, ''));
  }

  /** The profile of one side of an account: the one that its line names, else that of its host. */
  of({ provider, host, user }: { provider?: string; host: string; user: string }): Profile | undefined {
    return (provider === undefined ? undefined : this.named(provider)) ?? this.forHost(host, user);
  }

  /** The name itself before *. and what is behind one of its dots, the longest first. */
  #match(kind: PatternKind, name: string): Profile | undefined {
    const patterns = this.#index[kind];
    const exact = patterns.get(name);
    if (exact) return exact;
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const below = patterns.get(`*${name.slice(dot)}`);
      if (below) return below;
    }
    return undefined;
  }
}

const loaded = new Map<string, Profiles>();

/**
 * The profiles that the settings give, read once in a process. Throws `settings-invalid` with every mistake of the files,
 * one a line.
 */
export function profilesOf({ providersFile }: Pick<Settings, 'providersFile'>): Profiles {
  const own = providersFile === null ? '' : resolve(providersFile);
  const known = loaded.get(own);
  if (known) return known;
  const profiles = readProfiles(own === '' ? undefined : own);
  loaded.set(own, profiles);
  return profiles;
}

/** Reads the profiles; `own` is the administrator's file. Throws `settings-invalid`. */
export function readProfiles(own?: string): Profiles {
  const problems: string[] = [];
  const path = join(packageRoot(), 'config', 'providers.yaml');
  const built = own === undefined ? readChecked(path) : undefined;
  if (built) return new Profiles(built);
  const builtIn = readFacts(path, 'config/providers.yaml', problems);
  const added = own === undefined ? undefined : readFacts(own, own, problems);
  const profiles: Profile[] = [];
  for (const [file, facts] of [[added, builtIn] as const, [builtIn, undefined] as const].filter(([file]) => file)) {
    for (const [name, given] of Object.entries(file!.facts)) {
      if (profiles.some((profile) => profile.name === name)) continue;
      const profile = checked(name, joined(facts?.facts[name], given), file!, problems);
      if (profile) profiles.push(profile);
    }
    checkShared(profiles, file!, problems);
  }
  if (problems.length > 0) throw new MailhaulError('settings-invalid', { reason: problems.join(';\n') });
  return new Profiles(added ? withClaims(profiles, added) : profiles);
}

/** A profile with what an administrator adds: limits and quirks one by one (null takes one away), the rest as a whole. */
function joined(under: unknown, top: unknown): unknown {
  if (!isFacts(under) || !isFacts(top)) return top;
  const each = (name: 'limits' | 'quirks') => {
    const [below, above] = [under[name], top[name]];
    if (!isFacts(above)) return above === undefined ? below : above;
    const all = Object.entries({ ...(isFacts(below) ? below : {}), ...above });
    return Object.fromEntries(all.filter(([, fact]) => fact !== null));
  };
  const both = { ...under, ...top, limits: each('limits'), quirks: each('quirks') };
  return Object.fromEntries(Object.entries(both).filter(([, facts]) => facts !== undefined && facts !== null));
}

function checked(name: string, facts: unknown, file: FactsFile, problems: string[]): Profile | undefined {
  if (!profileName.test(name)) {
    const expected = 'expected small letters, digits and hyphens';
    problems.push(
      `${file.place([name])}: the name of a profile is ${JSON.stringify(printable(name, 60))}, ${expected}`,
    );
    return undefined;
  }
  const result = profileSchema.safeParse(facts);
  if (result.success) return { name, ...result.data };
  problems.push(...result.error.issues.map((issue) => complaint(name, issue, file)));
  return undefined;
}

function complaint(name: string, issue: z.core.$ZodIssue, file: FactsFile): string {
  const path = [name, ...issue.path, ...(issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])];
  return `${file.place(path)}: ${path.map(String).join('.')}: ${issue.message.replace(/^Invalid (input|option): /, '')}`;
}

/** The patterns of one kind that stand in a file itself, each with the name of its profile. */
function* patternsIn(file: FactsFile, profiles: readonly Profile[], kind: PatternKind) {
  for (const { name, [kind]: facts } of profiles) {
    const own = file.facts[name];
    if (!isFacts(own) || own[kind] === undefined) continue;
    for (const pattern of facts?.names ?? []) yield [pattern, name] as const;
  }
}

/** A pattern that stands in two profiles of one file would leave it to chance which of them is meant. */
function checkShared(profiles: readonly Profile[], file: FactsFile, problems: string[]): void {
  for (const kind of patternKinds) {
    const owners = new Map<string, string>();
    for (const [pattern, name] of patternsIn(file, profiles, kind)) {
      const other = owners.get(pattern);
      if (other === undefined) owners.set(pattern, name);
      else problems.push(`${file.place([name, kind])}: ${name}.${kind}: ${pattern} is also that of ${other}`);
    }
  }
}

/** What the administrator's file claims belongs to no profile that we brought. */
function withClaims(profiles: readonly Profile[], added: FactsFile): Profile[] {
  const claims = patternKinds.map((kind) => [kind, new Map(patternsIn(added, profiles, kind))] as const);
  return profiles.map((profile) => {
    const rest = { ...profile };
    for (const [kind, owners] of claims) {
      const facts = profile[kind];
      const names = facts?.names.filter((pattern) => (owners.get(pattern) ?? profile.name) === profile.name) ?? [];
      if (facts) rest[kind] = { ...facts, names };
    }
    return rest;
  });
}
