/** Where mail servers usually are. */
import { type Answer, type Candidate, type Protocol, usualPort } from './candidate.ts';

/** The usual names of a domain's server, in the order they are looked at. */
const prefixes: Readonly<Record<Protocol, readonly string[]>> = {
  pop3: ['pop.', 'pop3.', 'imap.', 'mail.', ''],
  imap: ['imap.', 'mail.', 'pop.', 'pop3.', ''],
};

/** Guesses with one kind of TLS on its usual port. Plain text is never guessed. */
export function guess(domain: string, protocol: Protocol, security: 'tls' | 'starttls'): Answer {
  const candidates = prefixes[protocol].map(
    (prefix): Candidate => ({
      protocol,
      host: `${prefix}${domain}`,
      port: usualPort(protocol, security),
      security,
      logins: [],
      user: undefined,
      origin: 'guess',
      source: 'a guess by the usual names',
      dnsOnly: false,
    }),
  );
  return { candidates: candidates.filter(({ host }) => host.length <= 253) };
}
