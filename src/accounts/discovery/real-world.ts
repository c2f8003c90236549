/** The real name servers, web and mail servers, as the settings say. */
import type { Settings } from '../../ground/settings.ts';
import { readTransport } from '../../transport/read-transport.ts';
import { boundedWorld } from './at-once.ts';
import { systemDns } from './dns.ts';
import { httpsGetter } from './https.ts';
import { networkProbe } from './probe.ts';
import type { DiscoveryWorld, Profiles } from './seams.ts';

/** The world of one run of discovery. Variables of `env` may hold the password of a proxy. */
export function realWorld(settings: Settings, profiles: Profiles, env: NodeJS.ProcessEnv): DiscoveryWorld {
  const { discoverTimeoutMs: timeoutMs, discoverMaxBytes: maxBytes, discoverRedirects: redirects } = settings;
  const dns = systemDns({ servers: settings.discoverDnsServers, timeoutMs });
  const transportOf = (host: string) => readTransport(settings, host, env);
  const http = httpsGetter({ dns, transportOf, timeoutMs, maxBytes, redirects });
  return boundedWorld(
    { dns, http, probe: networkProbe({ dns, transportOf, timeoutMs }), profiles, settings },
    settings.discoverAtOnce,
  );
}
