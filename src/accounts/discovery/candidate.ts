/** What discovery finds: servers that may be the right ones, each with where it was found. */
import { getDomain } from 'tldts';

/** The protocol of a side: `pop3` for sources, `imap` for destinations. */
export type Protocol = 'pop3' | 'imap';

/** Who says so, the most trusted first. */
export type Origin = 'list' | 'settings' | 'profile' | 'srv' | 'autoconfig' | 'ispdb' | 'mx' | 'guess';

/** How a server is said to be reached. `none` is shown and never used. */
export type Security = 'tls' | 'starttls' | 'none';

/** A server that somebody named for a domain. All of it is checked text: it may be printed as it is. */
export interface Candidate {
  readonly protocol: Protocol;
  /** Lower case, in ASCII; an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  /** Kinds of login that were named with it, such as `password` and `oauth2`; empty where nothing was said. */
  readonly logins: readonly string[];
  /** The form of user names: a text with `{address}`, `{local}` or `{domain}`; undefined where nothing was said. */
  readonly user: string | undefined;
  readonly origin: Origin;
  /** For people: `SRV record _imaps._tcp.example.com`, or an address on the web. */
  readonly source: string;
  /** The host is in another domain, and nothing but DNS, which can be forged, vouches for it (RFC 6186 §6). */
  readonly dnsOnly: boolean;
}

/** What one place said about a domain. */
export interface Answer {
  /** The best first. */
  readonly candidates: readonly Candidate[];
  /** Protocols of which it says that the domain does not offer them. */
  readonly notOffered?: readonly Protocol[];
  /** What a person should know: a place that did not answer, a record that makes no sense. */
  readonly remarks?: readonly string[];
  /** What the provider wants its customers to know. */
  readonly advice?: readonly string[];
}

/** The place said nothing. */
export const nothing: Answer = { candidates: [] };

/** The port of a protocol (RFC 8314 §7): 995 and 993 with TLS at once, 110 and 143 otherwise. */
export function usualPort(protocol: Protocol, security: Security): number {
  if (protocol === 'pop3') return security === 'tls' ? 995 : 110;
  return security === 'tls' ? 993 : 143;
}

/** Whether a host belongs to whoever has the domain: both are below the same registrable domain. */
export function isSameSite(host: string, domain: string): boolean {
  if (host === domain || host.endsWith(`.${domain}`)) return true;
  const site = getDomain(domain, { validateHostname: false });
  return site !== null && getDomain(host, { validateHostname: false }) === site;
}

/** The same candidates, found on the way over something that only DNS says. */
export function vouchedByDns(answer: Answer, domain: string, how: string): Answer {
  const candidates = answer.candidates.map((candidate) => ({
    ...candidate,
    origin: 'mx' as const,
    source: `${candidate.source}, ${how}`,
    dnsOnly: !isSameSite(candidate.host, domain),
  }));
  return { ...answer, candidates };
}
