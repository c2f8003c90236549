/** What the door uses of imapflow's insides: the socket it is given, and the moment of the login. */
import { afterEach, describe, expect, test } from 'vitest';
import { type ImapEndpoint, openDoor } from '../../src/imap/door.ts';
import { type FlowSocket, guardLogin } from '../../src/imap/door-socket.ts';
import { takeOver } from '../../src/imap/takeover.ts';
import { directTransport } from '../../src/transport/transport.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { type ProxyBehaviour, ProxyServer } from '../servers/proxy.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { endpoint, quick } from './imap-rig.ts';

const { ca, key, cert } = makeCertificates();
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(security: ImapEndpoint['security']): Promise<ScriptedImap> {
  const capabilities = ['IMAP4rev1', 'AUTH=PLAIN', ...(security === 'starttls' ? ['STARTTLS'] : [])];
  const tls = security === 'none' ? {} : { tls: { key, cert, implicit: security === 'tls' } };
  const imap = await ScriptedImap.start({ capabilities, ...tls });
  ends.push(() => imap.stop());
  return imap;
}

async function proxyWith(behaviour: ProxyBehaviour): Promise<ProxyServer> {
  const proxy = await ProxyServer.start(behaviour);
  ends.push(() => proxy.close());
  return proxy;
}

const proxies = [
  ['socks5', 'socks5'],
  ['socks4a', 'socks4'],
  ['http', 'http'],
] as const;

describe.each(['tls', 'starttls', 'none'] as const)('with %s', (security) => {
  test.each(proxies)('imapflow speaks through %s, and its socket can be taken over', async (kind, served) => {
    // TLS begins with the client, so that nothing of the server can come along with the answer of the proxy.
    for (const together of security === 'tls' ? [false] : [false, true]) {
      const imap = await serve(security);
      const proxy = await proxyWith({ kind: served, names: { 'imap.invalid': '127.0.0.1' }, together });
      const transport = {
        ...directTransport,
        serverName: 'localhost',
        proxy: { kind, host: '127.0.0.1', port: proxy.port, user: '', password: '' },
      };
      const where = endpoint(imap.port, { host: 'imap.invalid', security, tlsCa: ca, transport });
      const door = await openDoor(where, quick);
      expect(proxy.targets).toEqual([`imap.invalid:${imap.port}`]);
      const socket = takeOver(door);
      ends.push(() => socket.destroy());
      const answer = new Promise((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
      socket.resume().write('x NOOP\r\n');
      expect(await answer).toBe('x OK done\r\n');
    }
  });

  test('a session ends with its client', async () => {
    const imap = await serve(security);
    const { client } = await openDoor(endpoint(imap.port, { security, tlsCa: ca }), quick);
    client.close();
    while (!imap.connections[0]!.ended) await new Promise((resolve) => setTimeout(resolve, 1));
  });
});

test('a login that did not pass the guard is noticed', async () => {
  const client = { authenticate: async () => true } as unknown as FlowSocket;
  const guard = guardLogin(client, { host: 'a', port: 1, security: 'none' });
  expect(() => guard.assertPassed()).toThrow('unguarded');
  expect(await client.authenticate()).toBe(true);
  expect(() => guard.assertPassed()).not.toThrow();
});

test.each(['tls', 'starttls'] as const)(
  'no login passes the guard in plain text where %s is wanted',
  async (security) => {
    let asked = 0;
    const client = {
      socket: {},
      authenticate: async () => {
        asked += 1;
      },
    } as unknown as FlowSocket;
    guardLogin(client, { host: 'a', port: 1, security });
    await expect(client.authenticate()).rejects.toMatchObject({ code: 'starttls-missing' });
    expect(asked).toBe(0);
  },
);
