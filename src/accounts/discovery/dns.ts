/** Questions to real name servers. */
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { MailhaulError } from '../../ground/errors.ts';
import type { Dns } from './seams.ts';

/** How name servers are asked. */
export interface DnsOptions {
  /** IP addresses, with a port where it is not 53; those of the system where there is none. */
  readonly servers: readonly string[];
  readonly timeoutMs: number;
}

// NXDOMAIN and a name without such a record: both are answers.
const emptyAnswers = ['ENOTFOUND', 'ENODATA', 'ENONAME'];

/** DNS as it is. Every question is answered within the time, or throws `discovery-source`. */
export function systemDns({ servers, timeoutMs }: DnsOptions): Dns {
  const resolver = new Resolver({ timeout: Math.max(100, Math.floor(timeoutMs / 2)), tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  const ask = async <Record>(what: string, question: () => Promise<readonly Record[]>): Promise<readonly Record[]> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    });
    try {
      return await Promise.race([question(), late]);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (emptyAnswers.includes(code ?? '')) return [];
      throw new MailhaulError('discovery-source', { source: `DNS (${what})`, reason: code ?? message }, error);
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    resolveSrv: (name) => ask(`SRV ${name}`, () => resolver.resolveSrv(name)),
    resolveMx: (domain) => ask(`MX ${domain}`, () => resolver.resolveMx(domain)),
    addresses: async (host) => {
      if (isIP(host) !== 0) return [host];
      if (servers.length === 0) {
        const found = await ask(host, () => lookup(host, { all: true }));
        return found.map(({ address }) => address);
      }
      const kinds = [
        ask(`A ${host}`, () => resolver.resolve4(host)),
        ask(`AAAA ${host}`, () => resolver.resolve6(host)),
      ];
      return (await Promise.all(kinds)).flat();
    },
  };
}
