/** A Redis that goes back to an earlier moment while an append session waits: it lists what the session has settled. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { accountKeys } from '../../src/ground/keys.ts';
import { silentLog } from '../../src/ground/log.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { chooseAccounts } from '../../src/operations/choose-accounts.ts';
import { sync } from '../../src/operations/sync.ts';
import { haulRoles, openService, type Service } from '../../src/service.ts';
import { HaulRig, scriptedRow } from '../flow/haul-rig.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';

const count = 6;
const messages = Array.from({ length: count }, (_, i) => ({
  uidl: `u${i}`,
  bytes: Buffer.from(`Message-ID: <${i}@x>\r\nSubject: ${i}\r\n\r\nbody ${i}\r\n`),
}));
/** Longer than any machine needs for what is waited for: only the notice of the session itself may end its wait. */
const appendIdleMs = 30_000;

let rig: HaulRig;
let imap: ScriptedImap;
let service: Service;
let haul: () => ReturnType<typeof sync>;
let account: string;

beforeEach(async () => {
  rig = await HaulRig.make();
  const redis = await rig.redis();
  const pop = await rig.pop({ messages });
  imap = await rig.imap();
  const list = await rig.list([scriptedRow(pop, imap)]);
  await rig.settings({ redis: redis.url, dataDir: rig.dataDir, appendIdleMs: String(appendIdleMs), leaseMs: '60000' });
  const settings = loadSettings({ configFile: join(rig.directory, 'settings.yaml'), env: {}, options: {} });
  const accounts = await chooseAccounts(list, {}, settings, () => {});
  account = accounts[0]!.key;
  const end = new AbortController();
  const { signal } = end;
  service = await openService({ settings, accounts, log: silentLog(), roles: new Set(haulRoles), signal, env: {} });
  rig.atEnd(() => service.close());
  rig.atEnd(() => end.abort());
  haul = () => sync(service, { settings, accounts, recheck: false, signal, onTally: () => {} });
});

afterEach(() => rig.end());

async function expectCalm(): Promise<void> {
  const report = await haul();
  expect(report.totals.messages).toMatchObject({ listed: count, known: count, appended: 0, duplicate: 0 });
  expect(imap.stored().map(String)).toEqual(messages.map(({ bytes }) => String(bytes)));
}

describe('an append session', () => {
  test('does not wait for a batch that it settled and that is listed again', async () => {
    const { client } = service.redis;
    let batch = '';
    const directory = join(rig.dataDir, 'spool');
    const spool = readFileSync(join(directory, 'spool.id'), 'latin1').trim();
    imap.behaviour.drop = ({ number, bytes }) => {
      if (number !== 1 || bytes.length === 0) return undefined;
      // What stands in the spool by now is what will be listed again; read at once, as it is gone soon.
      const file = readdirSync(directory).find((name) => name.startsWith(account) && name.endsWith('.batch'));
      batch = file!.slice(account.length + 1, -'.batch'.length);
      return undefined;
    };
    const { bell } = service;
    const next = bell.next.bind(bell);
    let relisted = false;
    // At the begin of each turn of the session, before it asks on the same connection which batches wait, until one of
    // them finds the batch settled.
    bell.next = (key, ms, signal) => {
      if (ms === appendIdleMs && imap.stored().length === count && !relisted) {
        expect(batch).not.toBe('');
        void client.hset(accountKeys.spools(account), spool, 1);
        void client.zadd(accountKeys.batches(account, spool), 1, batch).then((added) => {
          relisted = added === 1;
        });
      }
      return next(key, ms, signal);
    };
    const report = await haul();
    expect(relisted).toBe(true);
    expect(report.accounts[0]).toMatchObject({ state: 'complete' });
    // The run may have been found complete before the batch was listed again: then the next one takes it out.
    await expectCalm();
    expect(await client.zcard(accountKeys.batches(account, spool))).toBe(0);
    expect(await client.hlen(accountKeys.spools(account))).toBe(0);
  });
});
