/** In a first run the destination is opened while the source is asked, and looked at when there is something for it (decision 0025). */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { globalKeys } from '../../src/ground/keys.ts';
import { until } from '../pop3/sessions.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import { expectReport, HaulRig, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;
beforeEach(async () => {
  rig = await HaulRig.make();
});
afterEach(() => rig.end());

const mail = [{ uidl: 'a', bytes: Buffer.from('Message-ID: <a@x>\r\nSubject: one\r\n\r\nhello\r\n') }];
/** What was said on all connections, without tags. */
const said = (imap: ScriptedImap) =>
  imap.connections.flatMap(({ commands }) => commands.map((text) => text.replace(/^\S+ /, '').split(' ')[0]!));

test('the destination is open before the source has listed anything, and selected after it', async () => {
  const pop = await rig.pop({ messages: mail, holdUntil: { verb: 'UIDL', waiting: 99 } });
  const imap = await rig.imap();
  const ending = rig.sync(await rig.list([scriptedRow(pop, imap)]));
  await until(() => said(imap).includes('NAMESPACE'));
  expect(said(imap)).not.toContain('SELECT');
  expect(said(imap)).not.toContain('LIST');
  pop.release();
  expect((await ending).status).toBe(0);
  expect(imap.stored()).toEqual([mail[0]!.bytes]);
});

test('for an empty maildrop it is opened once, and nothing is looked at', async () => {
  const pop = await rig.pop({ messages: [] });
  const imap = await rig.imap();
  const list = await rig.list([scriptedRow(pop, imap)]);
  expect((await rig.sync(list)).status).toBe(0);
  expect(said(imap)).not.toContain('SELECT');
  expect(said(imap)).not.toContain('LIST');
  const opened = imap.connections.length;
  expect((await rig.sync(list)).status).toBe(0);
  expect(imap.connections).toHaveLength(opened);
});

test('it is left alone by the retries for a source that lets nobody in', async () => {
  await rig.settings({ retryWaitsMs: '[700, 700]', appendIdleMs: '50' });
  const pop = await rig.pop({ messages: mail, dropAt: 'UIDL' });
  const imap = await rig.imap();
  const ended = await rig.sync(await rig.list([scriptedRow(pop, imap)]));
  expect(ended.status).not.toBe(0);
  expect(pop.connections).toBeGreaterThan(2);
  // Another session would ask the connections of the first one for a sign of life, or log in anew.
  expect(said(imap)).not.toContain('NOOP');
  expect(said(imap).filter((verb) => verb === 'AUTHENTICATE').length).toBeLessThanOrEqual(2);
});

test('a destination that lets nobody in is told of only where there is something for it', async () => {
  const imap = await rig.imap({ login: () => 'NO [AUTHENTICATIONFAILED] Invalid credentials' });
  const [empty, full] = [await rig.pop({ messages: [] }), await rig.pop({ messages: mail })];
  const rows = [scriptedRow(empty, imap, { id: 'empty' }), scriptedRow(full, imap, { id: 'full', imap_user: 'bob' })];
  const { accounts } = expectReport(await rig.sync(await rig.list(rows)));
  expect(accounts.map(({ problems }) => problems.map(({ code }) => code))).toEqual([[], ['credentials-refused']]);
});

test('it is left alone until there is something for it where other accounts wait for a place', async () => {
  await rig.settings({ popSessions: '1' });
  const loggedIn: string[] = [];
  const imap = await rig.imap({ login: (user) => void loggedIn.push(user) });
  const held = await rig.pop({ messages: mail, holdUntil: { verb: 'UIDL', waiting: 99 } });
  const empty = () => rig.pop({ messages: [] });
  const sources = { first: held, second: await empty(), third: await empty(), last: await empty() };
  const rows = Object.entries(sources).map(([id, pop]) => scriptedRow(pop, imap, { id, imap_user: id }));
  const { url } = await rig.redis();
  const redis = new Redis(url);
  rig.atEnd(() => redis.disconnect());
  const ending = rig.sync(await rig.list(rows), ['--json', '--redis', url]);
  const waiting = () => redis.llen(`${globalKeys.queues}:download:wait`);
  await vi.waitFor(async () => expect(await waiting()).toBe(3), { timeout: 60_000, interval: 5 });
  held.release();
  expect((await ending).status).toBe(0);
  // The second look at the first one's source is what the last one meets in the queue.
  expect(new Set(loggedIn)).toEqual(new Set(['first']));
});
