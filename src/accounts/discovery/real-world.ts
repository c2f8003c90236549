/** The real name servers, web and mail servers, as the settings say. */
import type { Settings } from '../../ground/settings.ts';
import { boundedWorld } from './at-once.ts';
import { systemDns } from './dns.ts';
import { httpsGetter } from './https.ts';
import { networkProbe } from './probe.ts';
import type { DiscoveryWorld, Profiles } from './seams.ts';

/** The world of one run of discovery. */
export function realWorld(settings: Settings, profiles: Profiles): DiscoveryWorld {
  const { discoverTimeoutMs: timeoutMs, discoverMaxBytes: maxBytes, discoverRedirects: redirects } = settings;
  const dns = systemDns({ servers: settings.discoverDnsServers, timeoutMs });
  const http = httpsGetter({ dns, timeoutMs, maxBytes, redirects });
  return boundedWorld(
    { dns, http, probe: networkProbe({ dns, timeoutMs }), profiles, settings },
    settings.discoverAtOnce,
  );
}
