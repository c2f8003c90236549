/** A world of discovery that a test makes up: names, pages and servers in tables. */
import type {
  DiscoveryWorld,
  MxRecord,
  ProbeTarget,
  Proof,
  ProviderFacts,
  SrvRecord,
} from '../../../src/accounts/discovery/seams.ts';
import { MailhaulError } from '../../../src/ground/errors.ts';

/** What the world has; what is not named is not there. */
export interface MadeWorld {
  srv?: Record<string, SrvRecord[] | MailhaulError>;
  mx?: Record<string, MxRecord[]>;
  /** By URL. */
  pages?: Record<string, string | MailhaulError>;
  /** `pop3 tls pop.example.com:995` and the like; a name is that of the certificate. */
  servers?: Record<string, Proof | MailhaulError | true>;
  domainProfiles?: Record<string, ProviderFacts>;
  mxProfiles?: Record<string, ProviderFacts>;
  ispdb?: string | null;
}

/** The world, and everything it was asked, in order. */
export function madeWorld(made: MadeWorld): { world: DiscoveryWorld; asked: string[] } {
  const asked: string[] = [];
  const from = <Value>(what: string, table: Record<string, Value | MailhaulError> | undefined, key: string) => {
    asked.push(`${what} ${key}`);
    const found = table?.[key];
    if (found instanceof MailhaulError) throw found;
    return found as Value | undefined;
  };
  const look = async ({ protocol, host, port, security, domain }: ProbeTarget): Promise<Proof> => {
    const found = from<Proof | true>('look', made.servers, `${protocol} ${security} ${host}:${port}`);
    if (found === undefined) throw new MailhaulError('host-unknown', { host });
    if (found === true) return { certificateName: host, mechanisms: ['PLAIN'] };
    if (found.certificateName !== host && found.certificateName !== domain)
      throw new MailhaulError('tls-unverified', { host, port, reason: 'another name' });
    return found;
  };
  const world: DiscoveryWorld = {
    dns: {
      resolveSrv: async (name) => from('srv', made.srv, name) ?? [],
      resolveMx: async (domain) => from('mx', made.mx, domain) ?? [],
      addresses: async () => [],
    },
    http: {
      get: async (url) => {
        const page = from('get', made.pages, url);
        return page === undefined ? undefined : Buffer.from(page);
      },
    },
    probe: { look },
    profiles: { forDomain: (domain) => made.domainProfiles?.[domain], forMx: (host) => made.mxProfiles?.[host] },
    settings: {
      discoverTimeoutMs: 1000,
      discoverMaxBytes: 100_000,
      discoverRedirects: 3,
      discoverCandidates: 4,
      discoverIspdbUrl: made.ispdb === undefined ? 'https://ispdb.test/v1.1/' : made.ispdb,
    },
  };
  return { world, asked };
}

/** An SRV record. */
export function srv(name: string, port: number, priority = 0, weight = 0): SrvRecord {
  return { name, port, priority, weight };
}

/** An autoconfig file with these servers. */
export function autoconfigFile(
  servers: { type: string; host: string; port: number | string; socket: string; user?: string; auth?: string[] }[],
  more = '',
): string {
  const server = servers.map(
    ({ type, host, port, socket, user = '%EMAILADDRESS%', auth = ['password-cleartext'] }) =>
      `<incomingServer type="${type}"><hostname>${host}</hostname><port>${port}</port><socketType>${socket}</socketType>` +
      `<username>${user}</username>${auth.map((each) => `<authentication>${each}</authentication>`).join('')}</incomingServer>`,
  );
  return `<?xml version="1.0"?>\n<clientConfig version="1.1"><emailProvider id="x">${server.join('\n')}${more}</emailProvider></clientConfig>`;
}

/** Where the autoconfig of a domain is looked for, by its two addresses. */
export function autoconfigUrls(domain: string): [string, string] {
  return [
    `https://autoconfig.${domain}/mail/config-v1.1.xml?emailaddress=postmaster%40${domain}`,
    `https://${domain}/.well-known/autoconfig/mail/config-v1.1.xml`,
  ];
}
