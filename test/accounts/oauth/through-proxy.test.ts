import { request as askPlain, type RequestListener } from 'node:http';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MailhaulError } from '../../../src/ground/errors.ts';
import { useRedis } from '../../ledger/redis-rig.ts';
import { type Certificates, makeCertificates } from '../../servers/certificates.ts';
import { type HttpsServer, startHttps } from '../../servers/https-server.ts';
import { OAuthServer } from '../../servers/oauth-server.ts';
import { type ProxyBehaviour, ProxyServer } from '../../servers/proxy.ts';
import { deskOf, providersOf, settingsWith, tokenAccount } from './oauth-rig.ts';

const redis = useRedis();
const host = 'login.provider.test';
const ends: (() => unknown)[] = [];
let certificates: Certificates;
let server: OAuthServer;
let front: HttpsServer;
let listener: RequestListener;

beforeAll(() => {
  certificates = makeCertificates(`DNS:${host},DNS:localhost`);
});

beforeEach(async () => {
  server = await OAuthServer.start();
  // The same server over https, by a name that only the proxy knows.
  listener = (request, response) => {
    const { method, url: path, headers } = request;
    const onward = askPlain(`${server.issuer}${path}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward.on('error', () => response.destroy()));
  };
  front = await startHttps(certificates, (...both) => listener(...both));
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  front.close();
  await server.close();
});

async function proxyWith(behaviour: ProxyBehaviour): Promise<ProxyServer> {
  const proxy = await ProxyServer.start({ names: { [host]: '127.0.0.1' }, ...behaviour });
  ends.push(() => proxy.close());
  return proxy;
}

interface Way {
  readonly proxy?: string;
  readonly tokenUrl?: string;
  readonly ca?: string;
  readonly more?: object;
}

/** A token of the tenant. */
function token({ proxy, tokenUrl = `https://${host}:${front.port}/token`, ca = certificates.ca, more }: Way) {
  const oauth = { tenant: { ...providersOf(server)['tenant'], tokenUrl } };
  const connections = { default: proxy === undefined ? {} : { proxy }, hosts: {} };
  const desk = deskOf(redis.client, server, settingsWith(oauth, { connections, ...more } as never), undefined, ca);
  return desk.sourceFor(tokenAccount('ann@example.com', 'tenant'), 'source')!.get();
}

async function faultOf(way: Way): Promise<MailhaulError> {
  const thrown = await token(way).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(MailhaulError);
  expect((thrown as Error).message).not.toContain(server.tenantSecret);
  return thrown as MailhaulError;
}

describe('tokens', () => {
  it.each([
    ['socks5', 'socks5'],
    ['socks4a', 'socks4'],
    ['http', 'http'],
  ] as const)('come through %s, which alone knows the provider, inside TLS', async (scheme, kind) => {
    const proxy = await proxyWith({ kind });
    expect(server.isValid(await token({ proxy: `${scheme}://127.0.0.1:${proxy.port}` }))).toBe(true);
    expect(proxy.targets).toEqual([`${host}:${front.port}`]);
    expect(front.requests).toEqual([`POST ${host}:${front.port}/token`]);
    expect(server.requests.map(({ grant }) => grant)).toEqual(['client_credentials']);
  });

  it('come straight where nothing is said, and where plain http goes to this machine', async () => {
    const proxy = await proxyWith({ kind: 'http' });
    expect(server.isValid(await token({ tokenUrl: `https://localhost:${front.port}/token` }))).toBe(true);
    const plain = { proxy: `http://127.0.0.1:${proxy.port}`, tokenUrl: server.tokenUrl };
    expect(server.isValid(await token(plain))).toBe(true);
    expect(proxy.clients).toEqual([]);
  });

  it('do not come by a proxy that refuses, hangs or is not there', async () => {
    const refusing = await proxyWith({ kind: 'socks5', refuses: true });
    const refused = await faultOf({ proxy: `socks5://127.0.0.1:${refusing.port}` });
    expect([refused.code, refused.details['host']]).toEqual(['proxy-refused', host]);
    const hanging = await proxyWith({ kind: 'http', at: 'hangs' });
    const more = { oauthTimeoutMs: 400 };
    const late = await faultOf({ proxy: `http://127.0.0.1:${hanging.port}`, more });
    expect([late.code, late.details['reason']]).toEqual(['proxy-unreachable', 'no answer within 0.4 s']);
    const gone = await proxyWith({ kind: 'http' });
    const proxy = `http://127.0.0.1:${gone.port}`;
    await gone.close().then(() => ends.pop());
    expect((await faultOf({ proxy })).code).toBe('proxy-unreachable');
    expect(front.requests).toEqual([]);
  });

  it('do not come from a provider that is not there, or whose certificate does not verify', async () => {
    const away = await faultOf({ tokenUrl: 'https://no-such-host.invalid/token' });
    expect([away.code, away.message]).toEqual(['oauth-unavailable', expect.stringContaining('no-such-host.invalid')]);
    const other = makeCertificates(`DNS:${host}`);
    const tokenUrl = `https://localhost:${front.port}/token`;
    expect((await faultOf({ tokenUrl, ca: other.ca })).code).toBe('oauth-unusable');
    expect((await faultOf({ tokenUrl: `https://127.0.0.1:${front.port}/token` })).code).toBe('oauth-unusable');
    expect(front.requests).toEqual([]);
  });

  it('are not looked for where a redirect points, nor in an answer without end', async () => {
    const tokenUrl = `https://localhost:${front.port}/token`;
    listener = (_, response) => response.writeHead(307, { location: '/elsewhere' }).end();
    expect((await faultOf({ tokenUrl })).code).toBe('oauth-unusable');
    listener = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        if (!response.destroyed) response.write('x'.repeat(10_000), () => setImmediate(more));
      };
      more();
    };
    expect((await faultOf({ tokenUrl })).code).toBe('oauth-unusable');
    expect(front.requests).toHaveLength(2);
  });
});
