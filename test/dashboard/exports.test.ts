import { readdir } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import type { Settings } from '../../src/ground/settings.ts';
import { uidlKey } from '../../src/ledger/record.ts';
import { packRefusal } from '../../src/ledger/registry.ts';
import { accountOf } from '../accounts/account-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { type PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type DashboardRig, openRig } from './dashboard-rig.ts';

const redis = useRedis();
const patient = { timeout: 60_000, interval: 50 } as const;
const mail = ['one', 'two'].map((uidl) => ({
  uidl,
  bytes: Buffer.from(`Subject: ${uidl}\r\n\r\n=\0\xff${uidl}\r\n`, 'latin1'),
}));

interface World {
  readonly rig: DashboardRig;
  readonly pop: ScriptedPop3;
  /** Asks with the token, and gives the answer as it is. */
  post(what: string, more?: RequestInit): Promise<Response>;
  /** What lies in the data directory and is of an export. */
  leftovers(): Promise<string[]>;
}

/** An account whose messages were refused, all of them unless said otherwise. */
async function world(behaviour: PopBehaviour = {}, settings: Partial<Settings> = {}, refused = mail): Promise<World> {
  const pop = await ScriptedPop3.start({ user: 'ann', password: 'pw-of-ann', messages: mail, ...behaviour });
  onTestFinished(() => pop.close());
  const from = { host: '127.0.0.1', security: 'none', port: pop.port } as const;
  const ann: Account = accountOf('ann', { from });
  for (const { uidl, bytes } of refused) {
    const known = { code: 'append-refused', text: 'no', uidl, size: bytes.length, sha256: '' } as const;
    await redis.client.hset(accountKeys.refusals(ann.key), uidlKey(Buffer.from(uidl)), packRefusal(known));
  }
  const rig = await openRig(await redis.another(), [ann], { settings });
  const headers = { authorization: `Bearer ${rig.token}` };
  const post = (what: string, more: RequestInit = {}) =>
    fetch(`${rig.dashboard.url}/api/accounts/ann/export/${what}`, { method: 'POST', headers, ...more });
  const leftovers = async () => (await readdir(rig.settings.dataDir)).filter((name) => name.startsWith('api-export-'));
  return { rig, pop, post, leftovers };
}

/** The files of a ZIP archive, by its central directory (APPNOTE.TXT 4.3.12). */
function unzipped(zip: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = zip.indexOf('PK\x01\x02', 0, 'latin1'); at !== -1; at = zip.indexOf('PK\x01\x02', at + 4, 'latin1')) {
    const [method, packed, nameLength] = [
      zip.readUInt16LE(at + 10),
      zip.readUInt32LE(at + 20),
      zip.readUInt16LE(at + 28),
    ];
    const local = zip.readUInt32LE(at + 42);
    const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const bytes = zip.subarray(begin, begin + packed);
    const name = zip.subarray(at + 46, at + 46 + nameLength).toString();
    files.set(name, method === 8 ? inflateRawSync(bytes) : Buffer.from(bytes));
  }
  return files;
}

const bytesOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());

async function lastDeed({ rig }: World): Promise<Record<string, string>> {
  const { entries } = (await rig.ask('/api/audit')).json as { entries: Record<string, string>[] };
  return entries[0]!;
}

describe('the export of messages', () => {
  it('is an archive of them, byte for byte, with the index; its folder is gone, and no session ended with QUIT', async () => {
    const it = await world();
    const answer = await it.post('messages');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/zip']);
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="ann.zip"');
    expect([answer.headers.get('mailhaul-messages'), answer.headers.get('mailhaul-incomplete')]).toEqual(['2', null]);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    const files = unzipped(await bytesOf(answer));
    const found = [...files].filter(([name]) => name.endsWith('.eml')).map(([, bytes]) => bytes.toString('latin1'));
    expect(found.sort()).toEqual(mail.map(({ bytes }) => bytes.toString('latin1')).sort());
    expect(files.get('index.csv')!.toString().split('\r\n')).toHaveLength(4);
    expect(it.pop.seen('QUIT')).toEqual([]);
    await vi.waitFor(async () => expect(await lastDeed(it)).toMatchObject({ action: 'export messages' }), patient);
    expect(await lastDeed(it)).toMatchObject({ scope: 'account ann', result: '2 of 2 message(s)' });
    expect(await it.leftovers()).toEqual([]);
  });

  it('opens no session where nothing was refused: the index is empty', async () => {
    const it = await world({}, {}, []);
    const files = unzipped(await bytesOf(await it.post('messages')));
    expect([...files.keys()]).toEqual(['index.csv']);
    expect(files.get('index.csv')!.toString()).toMatch(/^uidl,size,.*,account\r\n$/);
    expect(it.pop.connections).toBe(0);
  });

  it('says what the source did where nothing was to be had, and gives what there is where something was', async () => {
    const cut = await (await world({ replies: { 'RETR 2': '-ERR disk\r\n' } })).post('messages');
    expect([cut.status, unzipped(await bytesOf(cut)).size]).toEqual([200, 2]);
    const it = await world({ password: 'another' });
    const answer = await it.post('messages');
    expect([answer.status, (await answer.json()) as object]).toMatchObject([502, { code: 'credentials-refused' }]);
    expect(await it.leftovers()).toEqual([]);
    expect((await it.rig.ask('/api/accounts/nobody/export/messages', { method: 'POST' })).status).toBe(404);
  });

  it('ends, and leaves nothing, when its client goes away', async () => {
    const it = await world({ hangAt: 'RETR' });
    const client = new AbortController();
    const asked = it.post('messages', { signal: client.signal }).catch((error: Error) => error.name);
    await vi.waitFor(() => expect(it.pop.seen('RETR').length).toBeGreaterThan(0), patient);
    expect(await it.leftovers()).toHaveLength(1);
    client.abort();
    expect(await asked).toBe('AbortError');
    await vi.waitFor(async () => expect([it.pop.open, await it.leftovers()]).toEqual([0, []]), patient);
  });

  it('ends with the service', async () => {
    const it = await world({ hangAt: 'RETR' });
    const asked = it.post('messages').catch((error: Error) => error.name);
    await vi.waitFor(() => expect(it.pop.seen('RETR').length).toBeGreaterThan(0), patient);
    await it.rig.dashboard.close();
    expect(await asked).toBe('TypeError');
    expect(await it.leftovers()).toEqual([]);
  });

  it('is bounded: so many at a time, so many bytes, so long', async () => {
    const it = await world({ hangAt: 'RETR' }, { apiExportsAtOnce: 1, apiExportMaxMs: 6000 });
    const first = it.post('messages').catch((error: Error) => error.name);
    await vi.waitFor(() => expect(it.pop.seen('RETR').length).toBeGreaterThan(0), patient);
    const second = await it.post('messages');
    expect([second.status, await second.json()]).toMatchObject([429, { code: 'exports-full' }]);
    expect(await first).toBe('TypeError');
    const large = await world({}, { apiExportMaxBytes: 20 });
    const answer = await large.post('messages');
    expect([answer.status, await answer.json()]).toMatchObject([409, { code: 'export-large' }]);
  });

  it('is for who may steer, and never a GET, which other sites could have a browser send', async () => {
    const it = await world();
    for (const what of ['messages', 'uidl-map']) {
      const path = `/api/accounts/ann/export/${what}`;
      expect((await it.rig.ask(path, { method: 'POST', token: it.rig.lookToken })).status).toBe(403);
      expect((await it.rig.ask(path)).status).toBe(404);
    }
    expect(it.pop.connections).toBe(0);
  });
});

describe('the UIDL map', () => {
  it('is CSV, and its headers count what has no line', async () => {
    const it = await world();
    const answer = await it.post('uidl-map');
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="ann.csv"');
    const counts = ['unsure', 'missing', 'anonymous'].map((name) => answer.headers.get(`mailhaul-${name}`));
    expect(counts).toEqual(['0', '2', '0']);
    expect(await answer.text()).toBe('uidl,mailbox,uidvalidity,uid,size\r\n');
  });

  it('says what the source did where it cannot be made', async () => {
    const it = await world({ password: 'another' });
    const answer = await it.post('uidl-map');
    expect([answer.status, await answer.json()]).toMatchObject([502, { code: 'credentials-refused' }]);
  });
});
