import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemDns } from '../../../src/accounts/discovery/dns.ts';
import type { Dns } from '../../../src/accounts/discovery/seams.ts';
import { NameServer } from '../../servers/name-server.ts';

let server: NameServer;
let dns: Dns;

beforeEach(async () => {
  server = await NameServer.start({
    a: { 'imap.example.com': ['192.0.2.1', '192.0.2.2'] },
    srv: {
      '_imaps._tcp.example.com': [{ name: 'imap.example.com', port: 993, priority: 5, weight: 7 }],
      '_pop3._tcp.example.com': [{ name: '.', port: 0 }],
    },
    mx: { 'example.com': [{ exchange: 'mx.example.com', priority: 10 }] },
    fails: ['broken.example.com'],
    silent: ['silent.example.com'],
  });
  dns = systemDns({ servers: [server.address], timeoutMs: 20_000 });
});

afterEach(() => server.close());

describe('real DNS', () => {
  it('asks the name servers that are set, for records and for addresses', async () => {
    expect(await dns.resolveSrv('_imaps._tcp.example.com')).toEqual([
      { name: 'imap.example.com', port: 993, priority: 5, weight: 7 },
    ]);
    expect(await dns.resolveMx('example.com')).toEqual([{ exchange: 'mx.example.com', priority: 10 }]);
    expect(await dns.addresses('imap.example.com')).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(await dns.addresses('2001:db8::1')).toEqual(['2001:db8::1']);
  });

  it('gives the target "." as an empty name or a dot', async () => {
    expect(['', '.']).toContain((await dns.resolveSrv('_pop3._tcp.example.com'))[0]!.name);
  });

  it('knows a name that is not there, and one without such a record, as no records', async () => {
    expect(await dns.resolveSrv('_imaps._tcp.missing.example.com')).toEqual([]);
    expect(await dns.resolveMx('imap.example.com')).toEqual([]);
    expect(await dns.addresses('missing.example.com')).toEqual([]);
  });

  it('throws discovery-source for a server that fails, or does not answer in time', async () => {
    await expect(dns.resolveMx('broken.example.com')).rejects.toMatchObject({
      code: 'discovery-source',
      details: { reason: 'ESERVFAIL' },
    });
    const hasty = systemDns({ servers: [server.address], timeoutMs: 200 });
    await expect(hasty.resolveSrv('silent.example.com')).rejects.toMatchObject({ code: 'discovery-source' });
  });

  it('asks the system where none is set', async () => {
    const system = systemDns({ servers: [], timeoutMs: 20_000 });
    expect(['127.0.0.1', '::1']).toContain((await system.addresses('localhost'))[0]);
    expect(server.asked).toEqual([]);
  });
});
