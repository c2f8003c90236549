/** What discovery asks of the world. Tests and programs put in what they like; the real ones stand beside this file. */
import type { MailhaulError } from '../../ground/errors.ts';
import type { Settings } from '../../ground/settings.ts';
import type { Candidate, Protocol, Security } from './candidate.ts';

/** An SRV record as DNS gives it (RFC 2782). Nothing in it is checked. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** An MX record as DNS gives it. Nothing in it is checked. */
export interface MxRecord {
  readonly exchange: string;
  readonly priority: number;
}

/** Questions to DNS. A name that is not there has no records. Each throws `discovery-source` where DNS does not answer. */
export interface Dns {
  resolveSrv(name: string): Promise<readonly SrvRecord[]>;
  resolveMx(domain: string): Promise<readonly MxRecord[]>;
  /** IP addresses of a host; that of an address is itself. */
  addresses(host: string): Promise<readonly string[]>;
}

/** Pages of the web, over https alone. */
export interface Http {
  /** What is there; undefined where nothing is. Throws `host-unknown` or `discovery-source`. */
  get(url: string): Promise<Buffer | undefined>;
}

/** What a probe is to look at. */
export interface ProbeTarget {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly security: Exclude<Security, 'none'>;
  /** Another name for which the certificate may be: the domain whose SRV record led here (RFC 6186 §6). */
  readonly domain: string | undefined;
}

/** A server that speaks the protocol under TLS, with a certificate that verified. */
export interface Proof {
  /** The name for which the certificate is valid: the host (or its `serverName`), or the domain of the target. */
  readonly certificateName: string;
  /** Ways to log in that it offers, in capitals, as far as it says so before the login. */
  readonly mechanisms: readonly string[];
}

/** Looks at servers. Sends no user name and no password. */
export interface Probe {
  /** Throws the MailhaulError that says what is wrong. */
  look(target: ProbeTarget): Promise<Proof>;
}

/** What discovery needs to know of a provider profile. */
export interface ProviderFacts {
  readonly name: string;
  /** The profile's own servers; a protocol that the provider does not offer has none. */
  readonly servers: readonly Pick<Candidate, 'protocol' | 'host' | 'port' | 'security' | 'logins' | 'user'>[];
  /** Protocols that the provider does not offer. */
  readonly notOffered: readonly Protocol[];
  readonly advice: readonly string[];
}

/** The provider profiles. */
export interface Profiles {
  forDomain(domain: string): ProviderFacts | undefined;
  /** By the host of an MX record of the domain. */
  forMx(host: string, domain: string): ProviderFacts | undefined;
}

/** The limits of discovery. */
export type DiscoverySettings = Pick<
  Settings,
  'discoverTimeoutMs' | 'discoverMaxBytes' | 'discoverRedirects' | 'discoverCandidates' | 'discoverIspdbUrl'
>;

/** All that discovery of a domain needs. */
export interface DiscoveryWorld {
  readonly dns: Dns;
  readonly http: Http;
  readonly probe: Probe;
  readonly profiles: Profiles;
  readonly settings: DiscoverySettings;
}

/** A probe's failure, or its proof. */
export type Probed = { readonly proof: Proof } | { readonly error: MailhaulError };
