import type { RequestListener } from 'node:http';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { httpsGetter } from '../../../src/accounts/discovery/https.ts';
import { networkProbe } from '../../../src/accounts/discovery/probe.ts';
import { realWorld } from '../../../src/accounts/discovery/real-world.ts';
import type { ProbeTarget } from '../../../src/accounts/discovery/seams.ts';
import { loadSettings } from '../../../src/ground/settings-load.ts';
import { directTransport, type ProxyAccess, type Transport } from '../../../src/transport/transport.ts';
import { type Certificates, makeCertificates } from '../../servers/certificates.ts';
import { type HttpsServer, startHttps } from '../../servers/https-server.ts';
import { type ProxyBehaviour, ProxyServer } from '../../servers/proxy.ts';
import { type PlainOrTlsServer, startServer } from '../../servers/tls-server.ts';

const ends: (() => unknown)[] = [];
let certificates: Certificates;

beforeAll(() => {
  certificates = makeCertificates('DNS:a.page.test,DNS:b.page.test,DNS:imap.page.test,IP:127.0.0.1');
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const names = { 'a.page.test': '127.0.0.1', 'b.page.test': '127.0.0.1', 'imap.page.test': '127.0.0.1' };
const kinds = [
  ['socks5', 'socks5'],
  ['socks4a', 'socks4'],
  ['http', 'http'],
] as const;

async function proxyWith(behaviour: ProxyBehaviour): Promise<ProxyServer> {
  const proxy = await ProxyServer.start({ names, ...behaviour });
  ends.push(() => proxy.close());
  return proxy;
}

async function pages(listener: RequestListener): Promise<HttpsServer> {
  const server = await startHttps(certificates, listener);
  ends.push(() => server.close());
  return server;
}

async function mailServer(): Promise<PlainOrTlsServer> {
  const server = await startServer('imap', certificates);
  ends.push(() => server.close());
  return server;
}

function through({ port }: { port: number }, kind: ProxyAccess['kind']): Transport {
  return { ...directTransport, proxy: { kind, host: '127.0.0.1', port, user: '', password: '' } };
}

/** A web and mail servers that are reached like this; `asked` has the names that were looked up on this machine. */
function world(transportOf: (host: string) => Transport, timeoutMs = 20_000) {
  const asked: string[] = [];
  const addresses = async (host: string) => {
    asked.push(host);
    return ['127.0.0.1'];
  };
  const common = { dns: { addresses }, transportOf: async (host: string) => transportOf(host), timeoutMs };
  const { ca } = certificates;
  const http = httpsGetter({ ...common, maxBytes: 1000, redirects: 2, ca });
  return { asked, http, probe: networkProbe({ ...common, ca }) };
}

const imapAt = (port: number): ProbeTarget => ({
  protocol: 'imap',
  host: 'imap.page.test',
  port,
  security: 'tls',
  domain: undefined,
});

describe.each(kinds)('through %s', (kind, served) => {
  it('pages and servers are found by names that only the proxy knows', async () => {
    const proxy = await proxyWith({ kind: served });
    const web = await pages((_, response) => response.end('<x/>'));
    const mail = await mailServer();
    const { asked, http, probe } = world(() => through(proxy, kind));
    expect(String(await http.get(`https://a.page.test:${web.port}/f?x=y`))).toBe('<x/>');
    expect(web.requests).toEqual([`GET a.page.test:${web.port}/f?x=y`]);
    expect(await probe.look(imapAt(mail.port))).toMatchObject({ certificateName: 'imap.page.test' });
    expect(proxy.targets).toEqual([`a.page.test:${web.port}`, `imap.page.test:${mail.port}`]);
    expect(asked).toEqual([]);
  });

  it('whatever is wrong with the proxy is said of the proxy', async () => {
    const faultsWith = async (behaviour: Partial<ProxyBehaviour>, timeoutMs?: number) => {
      const proxy = await proxyWith({ kind: served, ...behaviour });
      const transport = through(proxy, kind);
      const { http, probe } = world(() => transport, timeoutMs);
      if (behaviour.at === undefined && !behaviour.refuses) await proxy.close().then(() => ends.pop());
      const results = await Promise.allSettled([http.get('https://a.page.test:1/'), probe.look(imapAt(1))]);
      return results.map((result) => result.status === 'rejected' && result.reason.code);
    };
    expect(await faultsWith({ refuses: true })).toEqual(['proxy-refused', 'proxy-refused']);
    expect(await faultsWith({ at: 'hangs' }, 300)).toEqual(['proxy-unreachable', 'proxy-unreachable']);
    expect(await faultsWith({})).toEqual(['proxy-unreachable', 'proxy-unreachable']);
  });
});

describe('a redirect by a proxy', () => {
  const to = (location: (port: number) => string): RequestListener => {
    return (request, response) => {
      if (request.url !== '/end') response.writeHead(302, { location: location(request.socket.localPort!) });
      response.end('<end/>');
    };
  };
  const local = { code: 'discovery-source', details: { reason: expect.stringContaining('into the local network') } };

  it('to another name is followed, to a local address not', async () => {
    const proxy = await proxyWith({ kind: 'http' });
    const { http } = world(() => through(proxy, 'http'));
    const web = await pages(to((port) => `https://b.page.test:${port}/end`));
    expect(String(await http.get(`https://a.page.test:${web.port}/`))).toBe('<end/>');
    const bad = await pages(to((port) => `https://127.0.0.1:${port}/end`));
    await expect(http.get(`https://a.page.test:${bad.port}/`)).rejects.toMatchObject(local);
    expect(bad.requests).toHaveLength(1);
  });

  it('to a host that is reached without it and is of the local network is not followed', async () => {
    const proxy = await proxyWith({ kind: 'http' });
    const { http, asked } = world((host) => (host === 'a.page.test' ? through(proxy, 'http') : directTransport));
    const web = await pages(to((port) => `https://b.page.test:${port}/end`));
    await expect(http.get(`https://a.page.test:${web.port}/`)).rejects.toMatchObject(local);
    expect([asked, web.requests.length]).toEqual([['b.page.test'], 1]);
  });
});

describe('names and addresses', () => {
  it('are looked up here for a proxy that carries no names', async () => {
    const proxy = await proxyWith({ kind: 'socks4', names: {} });
    const web = await pages((_, response) => response.end('<x/>'));
    const mail = await mailServer();
    const { asked, http, probe } = world(() => through(proxy, 'socks4'));
    expect(String(await http.get(`https://a.page.test:${web.port}/`))).toBe('<x/>');
    await probe.look(imapAt(mail.port));
    expect(asked).toEqual(['a.page.test', 'imap.page.test']);
    expect(proxy.targets).toEqual([`127.0.0.1:${web.port}`, `127.0.0.1:${mail.port}`]);
  });

  it('of a host with a serverName are those of its certificate', async () => {
    const mail = await mailServer();
    const { probe } = world(() => ({ ...directTransport, serverName: 'imap.page.test' }));
    const target = { ...imapAt(mail.port), host: 'other.test' };
    expect(await probe.look(target)).toMatchObject({ certificateName: 'other.test' });
    expect(mail.greeted.map(({ name }) => name)).toEqual(['imap.page.test']);
  });
});

describe('the settings', () => {
  const profiles = { forDomain: () => undefined, forMx: () => undefined };

  it('say for each host how it is reached', async () => {
    const login = { user: 'mailhaul', password: 'p@ss' };
    const proxy = await proxyWith({ kind: 'socks5', login });
    const web = await pages((_, response) => response.end('<x/>'));
    const mail = await mailServer();
    const proxied = { proxy: `socks5://127.0.0.1:${proxy.port}`, proxyUser: 'mailhaul', proxyPassword: 'env:PROXY_PW' };
    const connections = { default: proxied, hosts: { '127.0.0.1': { proxy: null } } };
    const settings = loadSettings({ env: {}, options: { connections } as never });
    const { http, probe } = realWorld(settings, profiles, { PROXY_PW: login.password });
    // The authority of these certificates is nobody's whom Node.js knows.
    const unverified = { code: 'discovery-source', details: { reason: expect.stringContaining('certificate') } };
    await expect(http.get(`https://a.page.test:${web.port}/`)).rejects.toMatchObject(unverified);
    await expect(probe.look(imapAt(mail.port))).rejects.toMatchObject({ code: 'tls-unverified' });
    expect(proxy.targets).toEqual([`a.page.test:${web.port}`, `imap.page.test:${mail.port}`]);
    expect(proxy.logins).toEqual([login, login]);
    await expect(http.get(`https://127.0.0.1:${web.port}/`)).rejects.toMatchObject(unverified);
    expect(proxy.clients).toHaveLength(2);
    const without = realWorld(settings, profiles, {});
    await expect(probeOf(without, mail.port)).rejects.toMatchObject({ code: 'connection-file' });
    await expect(without.http.get('https://a.page.test/')).rejects.toMatchObject({ code: 'connection-file' });
  });
});

function probeOf({ probe }: ReturnType<typeof realWorld>, port: number) {
  return probe.look(imapAt(port));
}
