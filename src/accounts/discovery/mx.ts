/** Settings of whoever takes a domain's mail in: an approximation, since the mailboxes may be elsewhere. */
import { getDomain } from 'tldts';
import { asMailhaulError } from '../../ground/errors.ts';
import { hostName } from '../host-name.ts';
import { askAutoconfig, askIspdb, joined } from './autoconfig.ts';
import { type Answer, type Protocol, vouchedByDns } from './candidate.ts';
import { profileAnswer } from './profile.ts';
import type { DiscoveryWorld } from './seams.ts';

/**
 * What is known of the provider whose MX the domain has: his profile, or what his own domain and Mozilla's database say.
 * No address is sent to any of them.
 */
export async function askMx(domain: string, wanted: readonly Protocol[], world: DiscoveryWorld): Promise<Answer> {
  let hosts: string[];
  try {
    hosts = await exchanges(domain, world);
  } catch (thrown) {
    return { candidates: [], remarks: [asMailhaulError(thrown).message] };
  }
  const profile = hosts.map((host) => world.profiles.forMx(host, domain)).find((found) => found !== undefined);
  const how = `by the MX record ${hosts[0]}`;
  if (profile) return vouchedByDns(profileAnswer(profile), domain, how);
  const sites = hosts.slice(0, 1).flatMap((host) => sitesOf(host, domain));
  const answers: Answer[] = [];
  for (const site of sites) {
    const found = joined([await askAutoconfig(site, world, false), await askIspdb(site, world)]);
    answers.push(vouchedByDns(found, domain, how));
    if (wanted.every((protocol) => found.candidates.some((candidate) => candidate.protocol === protocol))) break;
  }
  return joined(answers);
}

/** The mail exchangers of a domain, the preferred first. */
async function exchanges(domain: string, { dns, settings }: DiscoveryWorld): Promise<string[]> {
  const records = [...(await dns.resolveMx(domain))].sort((a, b) => a.priority - b.priority);
  // RFC 7505: a single "." says that the domain takes no mail; it is no host name either.
  const hosts = records.map(({ exchange }) => hostName(exchange.toLowerCase()));
  return hosts.filter((host) => host !== undefined).slice(0, settings.discoverCandidates);
}

/** The domains that may speak for an exchanger: the one above it, and the registrable one. */
function sitesOf(host: string, domain: string): string[] {
  const site = getDomain(host, { validateHostname: false });
  if (site === null) return [];
  const above = host.slice(host.indexOf('.') + 1);
  const sites = host !== site && above !== site ? [above, site] : [site];
  return sites.filter((each) => each !== domain);
}
