import type { RequestListener } from 'node:http';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type HttpsOptions, httpsGetter } from '../../../src/accounts/discovery/https.ts';
import { isPublicAddress } from '../../../src/accounts/discovery/public-address.ts';
import { directTransport } from '../../../src/transport/transport.ts';
import { type Certificates, makeCertificates } from '../../servers/certificates.ts';
import { type HttpsServer, startHttps } from '../../servers/https-server.ts';

let certificates: Certificates;
let server: HttpsServer;

beforeAll(() => {
  certificates = makeCertificates('DNS:*.page.test,DNS:localhost,IP:127.0.0.1');
});
afterEach(() => server?.close());

async function serve(listener: RequestListener) {
  server = await startHttps(certificates, listener);
}

/** Fetches a path of a host; every host is the server here, whatever address it seems to have. */
function get(path: string, more: Partial<HttpsOptions> = {}) {
  const dns = { addresses: async () => ['127.0.0.1'] };
  const transportOf = async () => directTransport;
  const options = { dns, transportOf, timeoutMs: 20_000, maxBytes: 1000, redirects: 2, ca: certificates.ca, ...more };
  return httpsGetter(options).get(path.startsWith('https:') ? path : `https://a.page.test:${server.port}${path}`);
}

const failure = (reason: string) => ({
  code: 'discovery-source',
  details: { reason: expect.stringContaining(reason) },
});

describe('a page', () => {
  it('comes from the addresses that were looked up, with nothing about whoever asks', async () => {
    await serve((_, response) => response.end('<x/>'));
    expect(String(await get('/f?emailaddress=postmaster%40x'))).toBe('<x/>');
    expect(server.requests).toEqual([`GET a.page.test:${server.port}/f?emailaddress=postmaster%40x`]);
    expect(Object.keys(server.headers[0]!).sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'host',
      'user-agent',
    ]);
  });

  it('is not there with 404 and 410, and an error with anything else', async () => {
    await serve((request, response) => {
      response.statusCode = Number(request.url!.slice(1));
      response.end('no');
    });
    expect(await get('/404')).toBeUndefined();
    expect(await get('/410')).toBeUndefined();
    for (const status of [204, 304, 401, 500])
      await expect(get(`/${status}`)).rejects.toMatchObject(failure(`it answers ${status}`));
  });

  it('of a host that is not known is host-unknown', async () => {
    await serve((_, response) => response.end());
    await expect(get('/', { dns: { addresses: async () => [] } })).rejects.toMatchObject({ code: 'host-unknown' });
  });

  it('of a server whose certificate does not verify is not read', async () => {
    await serve((_, response) => response.end('<x/>'));
    await expect(get(`https://other.test:${server.port}/`)).rejects.toMatchObject(
      failure("does not match certificate's altnames"),
    );
    const other = makeCertificates();
    await expect(get('/', { ca: other.ca })).rejects.toMatchObject({ code: 'discovery-source' });
    expect(server.requests).toEqual([]);
  });

  it('that is too large, or never ends, is dropped', async () => {
    await serve((_, response) => {
      const more = () => {
        if (!response.destroyed) response.write('x'.repeat(500), () => setImmediate(more));
      };
      more();
    });
    await expect(get('/')).rejects.toMatchObject(failure('it is larger than 1000 bytes'));
  });

  it('of a server that says nothing is given up in time', async () => {
    await serve(() => {});
    await expect(get('/', { timeoutMs: 300 })).rejects.toMatchObject(failure('no answer within 0.3 s'));
    await expect(get('/', { timeoutMs: 300, dns: { addresses: () => new Promise(() => {}) } })).rejects.toMatchObject(
      failure('no answer within 0.3 s'),
    );
  });
});

describe('a redirect', () => {
  const to = (location: string | ((n: number) => string)): RequestListener => {
    let count = 0;
    return (request, response) => {
      count += 1;
      if (request.url !== '/end')
        response.writeHead(302, { location: typeof location === 'string' ? location : location(count) });
      response.end('<end/>');
    };
  };

  it('is followed on https, absolute and relative, as often as is allowed', async () => {
    await serve(to('/end'));
    expect(String(await get('/'))).toBe('<end/>');
    await expect(get('/', { redirects: 0 })).rejects.toMatchObject(failure('it redirects more than 0 times'));
  });

  it('in a circle ends', async () => {
    await serve(to('/again'));
    await expect(get('/')).rejects.toMatchObject(failure('it redirects more than 2 times'));
    expect(server.requests).toHaveLength(3);
  });

  it.each([
    ['http', 'http://a.page.test/end', 'something other than https'],
    ['a file', 'file:///etc/passwd', 'something other than https'],
    ['an address with a password', 'https://user:pw@a.page.test/end', 'an address with a password'],
    ['nowhere', 'https://', 'Invalid URL'],
  ])('to %s is not followed', async (_, location, reason) => {
    const reached: string[] = [];
    await serve(to(location));
    const addresses = async (host: string) => {
      reached.push(host);
      return ['127.0.0.1'];
    };
    await expect(get('/', { dns: { addresses } })).rejects.toMatchObject(failure(reason));
    expect(reached).toEqual(['a.page.test']);
  });

  it('from the internet into the local network is not followed, not even by a host that is in both', async () => {
    await serve(to(() => `https://b.page.test:${server.port}/end`));
    // 2001:4860:: stands for the internet; nothing answers there, so the connection goes to the other address.
    const both = async (host: string) =>
      host === 'a.page.test' ? ['127.0.0.1', '2001:4860:4860::8888'] : ['127.0.0.1'];
    await expect(get('/', { dns: { addresses: both } })).rejects.toMatchObject(failure('into the local network'));
    expect(server.requests).toHaveLength(1);
    expect(String(await get('/'))).toBe('<end/>');
  });
});

describe('the addresses of the internet', () => {
  it.each(['8.8.8.8', '172.15.0.1', '172.32.0.1', '100.128.0.1', '2001:4860:4860::8888', '::ffff:8.8.8.8'])(
    'has %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each(
    '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.168.0.1 224.0.0.1 255.255.255.255 :: ::1 fe80::1 fd00::1 ff02::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 nonsense'.split(
      ' ',
    ),
  )('lacks %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
