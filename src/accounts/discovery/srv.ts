/** Settings from SRV records (RFC 6186, RFC 8314). */
import { asMailhaulError } from '../../ground/errors.ts';
import { hostName } from '../host-name.ts';
import { type Answer, type Candidate, isSameSite, type Protocol } from './candidate.ts';
import type { DiscoveryWorld, SrvRecord } from './seams.ts';

/** What the records of one name say: hosts in their order, or that the service is not there. */
interface Named {
  readonly candidates: readonly Candidate[];
  readonly refused: boolean;
  readonly remarks: readonly string[];
}

/** The servers that the SRV records of a domain name, those with TLS at once first (RFC 8314 §3.3). */
export async function askSrv(domain: string, protocol: Protocol, world: DiscoveryWorld): Promise<Answer> {
  const secure = protocol === 'pop3' ? '_pop3s' : '_imaps';
  const plain = protocol === 'pop3' ? '_pop3' : '_imap';
  const asked = await Promise.all([
    askName(`${secure}._tcp.${domain}`, domain, { protocol, security: 'tls' }, world),
    askName(`${plain}._tcp.${domain}`, domain, { protocol, security: 'starttls' }, world),
  ]);
  return {
    candidates: asked.flatMap(({ candidates }) => candidates),
    // One of the two names is refused by many who offer the other kind of TLS.
    notOffered: asked.every(({ refused }) => refused) ? [protocol] : [],
    remarks: asked.flatMap(({ remarks }) => remarks),
  };
}

async function askName(
  name: string,
  domain: string,
  kind: Pick<Candidate, 'protocol' | 'security'>,
  { dns, settings }: DiscoveryWorld,
): Promise<Named> {
  let records: readonly SrvRecord[];
  try {
    records = await dns.resolveSrv(name);
  } catch (thrown) {
    return { candidates: [], refused: false, remarks: [asMailhaulError(thrown).message] };
  }
  // RFC 6186 §3.4: a single record with the target "." says that the service is not offered.
  const refused = records.length === 1 && (records[0]!.name === '.' || records[0]!.name === '');
  if (refused) return { candidates: [], refused, remarks: [] };
  const source = `SRV record ${name}`;
  const hosts = inOrder(records).map((record) => ({ port: record.port, host: nameOf(record) }));
  const candidates = hosts.flatMap(({ host, port }): Candidate[] =>
    host === undefined
      ? []
      : [
          {
            ...kind,
            host,
            port,
            logins: [],
            user: undefined,
            origin: 'srv',
            source,
            dnsOnly: !isSameSite(host, domain),
          },
        ],
  );
  const wrong = hosts.length - candidates.length;
  const remarks = wrong > 0 ? [`${source}: ${wrong} target(s) are no host names with a port and were passed over`] : [];
  return { candidates: candidates.slice(0, settings.discoverCandidates), refused, remarks };
}

/**
 * RFC 2782: the lowest priority first, and within it the heaviest. Weights are meant for a choice by lot; settings that
 * are written down for years should come out the same each time.
 */
function inOrder(records: readonly SrvRecord[]): SrvRecord[] {
  return [...records].sort(
    (a, b) => a.priority - b.priority || b.weight - a.weight || (a.name < b.name ? -1 : Number(a.name > b.name)),
  );
}

function nameOf({ name, port }: SrvRecord): string | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65535) return undefined;
  return hostName(name.toLowerCase());
}
