import dns from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, createServer, isIP, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { openTcp } from '../../src/transport/tcp.ts';
import { directTransport, type ProxyAccess, type Transport } from '../../src/transport/transport.ts';
import { type ProxyBehaviour, ProxyServer } from '../servers/proxy.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
const ends: (() => unknown)[] = [];
const patience = { timeoutMs: 20_000 };

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server that greets, says everything back, and knows who came. */
async function echo(host = '127.0.0.1'): Promise<{ port: number; clients: string[]; server: Server }> {
  const clients: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    clients.push(socket.remoteAddress ?? '');
    socket.on('error', () => {});
    socket.write('hello ');
    socket.pipe(socket);
  });
  server.listen(0, host);
  await once(server, 'listening');
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, clients, server };
}

async function proxyWith(behaviour: ProxyBehaviour): Promise<ProxyServer> {
  const proxy = await ProxyServer.start(behaviour);
  ends.push(() => proxy.close());
  return proxy;
}

function through(
  proxy: { port: number },
  kind: ProxyAccess['kind'],
  login: Partial<ProxyAccess> = {},
): Partial<Transport> {
  return { proxy: { kind, host: '127.0.0.1', port: proxy.port, user: '', password: '', ...login } };
}

/** Everything that the server says to `ping`. */
async function talk(host: string, port: number, transport: Partial<Transport>): Promise<string> {
  const socket = await openTcp({ host, port }, { ...directTransport, ...transport }, patience);
  ends.push(() => socket.destroy());
  socket.write('ping');
  let heard = '';
  while (!heard.endsWith('ping')) heard += String((await once(socket, 'data'))[0]);
  return heard;
}

async function faultOf(
  host: string,
  port: number,
  transport: Partial<Transport>,
  opening: { timeoutMs: number; signal?: AbortSignal } = patience,
): Promise<MailhaulError> {
  const thrown = await openTcp({ host, port }, { ...directTransport, ...transport }, opening).catch((error) => error);
  expect(thrown).toBeInstanceOf(MailhaulError);
  return thrown;
}

async function closedPort(): Promise<number> {
  const { server, port } = await echo();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const kinds = [
  ['socks5', 'socks5'],
  ['socks4a', 'socks4'],
  ['http', 'http'],
] as const;

describe('through a proxy', () => {
  it.each(kinds)('%s, which finds the name by itself', async (kind, served) => {
    const server = await echo();
    for (const together of [false, true]) {
      const proxy = await proxyWith({ kind: served, names: { 'pop.invalid': '127.0.0.1' }, together });
      expect(await talk('pop.invalid', server.port, through(proxy, kind))).toBe('hello ping');
      expect(await talk('127.0.0.1', server.port, through(proxy, kind))).toBe('hello ping');
      expect(proxy.targets).toEqual([`pop.invalid:${server.port}`, `127.0.0.1:${server.port}`]);
    }
  });

  it('socks4, which is given an address', async () => {
    const server = await echo();
    const proxy = await proxyWith({ kind: 'socks4' });
    expect(await talk('localhost', server.port, through(proxy, 'socks4'))).toBe('hello ping');
    expect(proxy.targets).toEqual([`127.0.0.1:${server.port}`]);
    expect((await faultOf('no-such-host.invalid', 1, through(proxy, 'socks4'))).code).toBe('host-unknown');
  });

  it.each(['socks4', 'socks4a'] as const)('%s, which has no IPv6', async (kind) => {
    const error = await faultOf('::1', 1, through(await proxyWith({ kind: 'socks4' }), kind));
    expect([error.code, error.details['reason']]).toEqual(['proxy-refused', 'SOCKS 4 carries no IPv6 address']);
  });

  it.runIf(hasIpv6).each(['socks5', 'http'] as const)('%s, to an IPv6 address', async (kind) => {
    const server = await echo('::1');
    const proxy = await proxyWith({ kind });
    expect(await talk('::1', server.port, through(proxy, kind))).toBe('hello ping');
    expect(proxy.targets).toEqual([`[::1]:${server.port}`]);
  });

  it.each(['socks5', 'http'] as const)('%s, with user and password of any characters', async (kind) => {
    const login = { user: 'us er@x', password: 'p:/ß%41"' };
    const proxy = await proxyWith({ kind, login });
    const server = await echo();
    expect(await talk('127.0.0.1', server.port, through(proxy, kind, login))).toBe('hello ping');
    const error = await faultOf('127.0.0.1', server.port, through(proxy, kind, { ...login, password: 'hunter22' }));
    expect(error.code).toBe('proxy-refused');
    expect(error.details['reason']).toContain('it refuses user name and password');
    const shown = JSON.stringify([error.message, error.details, error.stack, error.cause]);
    expect(shown).not.toMatch(/hunter22|aHVudGVy/);
    expect((await faultOf('127.0.0.1', server.port, through(proxy, kind))).code).toBe('proxy-refused');
    expect(proxy.targets).toHaveLength(1);
  });

  it.each(kinds)('%s, which refuses, closes, hangs, is not there or is no proxy', async (kind, served) => {
    const { port } = await echo();
    const with_ = async (more: Partial<ProxyBehaviour>) => through(await proxyWith({ kind: served, ...more }), kind);
    const refused = await faultOf('a.invalid', port, await with_({ refuses: true }));
    expect(refused.code).toBe('proxy-refused');
    expect(refused.message).toMatch(/the proxy \w+:\/\/127\.0\.0\.1:\d+ does not connect to a\.invalid:\d+: \S/);
    expect((await faultOf('127.0.0.1', await closedPort(), await with_({}))).code).toBe('proxy-refused');
    expect((await faultOf('127.0.0.1', port, await with_({ at: 'closes' }))).code).toMatch(/^proxy-/);
    const late = await faultOf('127.0.0.1', port, await with_({ at: 'hangs' }), { timeoutMs: 60 });
    expect([late.code, late.details['reason']]).toEqual(['proxy-unreachable', 'no answer within 0.06 s']);
    const absent = await faultOf('127.0.0.1', port, through({ port: await closedPort() }, kind));
    expect([absent.code, absent.message]).toEqual(['proxy-unreachable', expect.stringContaining('ECONNREFUSED')]);
    // It says hello before it is spoken to, as no proxy does.
    expect((await faultOf('127.0.0.1', port, through({ port }, kind), { timeoutMs: 2000 })).code).toMatch(/^proxy-/);
  });

  it('ends with the signal, and leaves no socket behind', async () => {
    const proxy = await proxyWith({ kind: 'socks5', at: 'hangs' });
    const reason = new MailhaulError('lease-lost', { what: 'ann' });
    const stop = new AbortController();
    const opening = { ...patience, signal: stop.signal };
    const waiting = faultOf('127.0.0.1', 1, through(proxy, 'socks5'), opening);
    while (proxy.clients.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    stop.abort(reason);
    expect(await waiting).toBe(reason);
  });
});

describe('straight', () => {
  it('from the address that is named', async () => {
    const server = await echo();
    await talk('127.0.0.1', server.port, { localAddress: '127.0.0.2' });
    await talk('localhost', server.port, { localAddress: '127.0.0.3' });
    expect(server.clients).toEqual(['127.0.0.2', '127.0.0.3']);
    const proxy = await proxyWith({ kind: 'http' });
    await talk('127.0.0.1', server.port, { ...through(proxy, 'http'), localAddress: '127.0.0.4' });
    expect(proxy.clients).toEqual(['127.0.0.4']);
  });

  it.each(['192.0.2.7', '2001:db8::7'])('not from %s, which is not of this machine or family', async (localAddress) => {
    const { port } = await echo();
    const error = await faultOf('127.0.0.1', port, { localAddress });
    expect([error.code, error.details['address']]).toEqual(['source-address', localAddress]);
  });

  it.runIf(hasIpv6)('to an IPv6 address', async () => {
    const server = await echo('::1');
    expect(await talk('::1', server.port, {})).toBe('hello ping');
    expect(await talk('::1', server.port, { localAddress: '::1' })).toBe('hello ping');
    expect((await faultOf('::1', server.port, { localAddress: '127.0.0.1' })).code).toBe('source-address');
  });

  // The system's own names are what they are: here the resolver is told what it knows.
  it.runIf(hasIpv6).each([
    ['IPv6 addresses only', ['::1']],
    ['one of either kind, the first of which is dead', ['192.0.2.1', '::1']],
  ])('to a name with %s', async (_what, addresses) => {
    const server = await echo('::1');
    const known = addresses.map((address) => ({ address, family: isIP(address) }));
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((...args: unknown[]) => {
      const [, { all, family }, done] = args as [string, dns.LookupOptions, (...answer: unknown[]) => void];
      const fitting = known.filter((entry) => !family || entry.family === family);
      process.nextTick(() => (all ? done(null, fitting) : done(null, fitting[0]?.address, fitting[0]?.family)));
    }) as unknown as typeof dns.lookup);
    try {
      expect(await talk('pop.example', server.port, {})).toBe('hello ping');
      expect(await talk('pop.example', server.port, { localAddress: '::1' })).toBe('hello ping');
    } finally {
      lookup.mockRestore();
    }
  });

  it('to the addresses that were looked up, and to no others', async () => {
    const server = await echo();
    const opening = { ...patience, addresses: ['127.0.0.1'] };
    const open = (more: Partial<Transport>, addresses = opening.addresses) =>
      openTcp({ host: 'pop.invalid', port: server.port }, { ...directTransport, ...more }, { ...opening, addresses });
    for (const more of [{}, { localAddress: '127.0.0.5' }]) {
      const socket = await open(more);
      ends.push(() => socket.destroy());
      await once(socket, 'data');
    }
    expect(server.clients).toEqual(['127.0.0.1', '127.0.0.5']);
    for (const more of [{ localAddress: '127.0.0.5' }, through(await proxyWith({ kind: 'socks4' }), 'socks4')]) {
      await expect(open(more, ['2001:db8::7'])).rejects.toMatchObject({ code: 'host-unknown' });
    }
  });

  it('to nobody', async () => {
    expect((await faultOf('127.0.0.1', await closedPort(), {})).code).toBe('connection-refused');
    expect((await faultOf('no-such-host.invalid', 1, {})).code).toBe('host-unknown');
  });
});
