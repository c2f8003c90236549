/** Settings that a domain, or the database of Mozilla, publishes on the web. */
import { asMailhaulError } from '../../ground/errors.ts';
import { readAutoconfig } from './autoconfig-xml.ts';
import { type Answer, nothing } from './candidate.ts';
import type { DiscoveryWorld } from './seams.ts';

/**
 * The settings that the domain itself publishes. No user's address is sent: where one is expected it is that of the
 * postmaster, whom every domain has (RFC 2142 §5), so that one question serves all users of the domain.
 */
export async function askAutoconfig(domain: string, world: DiscoveryWorld, withAddress = true): Promise<Answer> {
  const asked = `postmaster@${domain}`;
  const query = withAddress ? `?emailaddress=${encodeURIComponent(asked)}` : '';
  const answers = await Promise.all([
    read(`https://autoconfig.${domain}/mail/config-v1.1.xml${query}`, world, {
      domain,
      origin: 'autoconfig',
      asked: withAddress ? asked : undefined,
    }),
    read(`https://${domain}/.well-known/autoconfig/mail/config-v1.1.xml`, world, {
      domain,
      origin: 'autoconfig',
      asked: undefined,
    }),
  ]);
  return joined(answers);
}

/** The settings that Mozilla's database has of the domain. It is told the domain and nothing else. */
export async function askIspdb(domain: string, world: DiscoveryWorld): Promise<Answer> {
  const base = world.settings.discoverIspdbUrl;
  if (base === null) return nothing;
  const url = `${base.replace(/\/$/, '')}/${domain}`;
  return read(url, world, { domain, origin: 'ispdb', asked: undefined });
}

async function read(
  url: string,
  { http, settings }: DiscoveryWorld,
  from: { domain: string; origin: 'autoconfig' | 'ispdb'; asked: string | undefined },
): Promise<Answer> {
  const source = url.replace(/\?.*$/, '');
  try {
    const body = await http.get(url);
    if (body === undefined) return nothing;
    const text = body.toString('utf8');
    const answer = readAutoconfig(text, { ...from, source, candidates: settings.discoverCandidates });
    return answer ?? { candidates: [], remarks: [`${source}: what is there is no autoconfig file`] };
  } catch (thrown) {
    const error = asMailhaulError(thrown);
    // Most domains have no host for it, and that is an answer; the database has one.
    if (error.code === 'host-unknown' && from.origin === 'autoconfig') return nothing;
    return { candidates: [], remarks: [error.code === 'host-unknown' ? `${source}: ${error.message}` : error.message] };
  }
}

/** Several answers as one, the first one's candidates first. */
export function joined(answers: readonly Answer[]): Answer {
  return {
    candidates: answers.flatMap(({ candidates }) => candidates),
    notOffered: answers.flatMap(({ notOffered = [] }) => notOffered),
    remarks: answers.flatMap(({ remarks = [] }) => remarks),
    advice: answers.flatMap(({ advice = [] }) => advice),
  };
}
