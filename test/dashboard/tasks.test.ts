import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import type { Settings } from '../../src/ground/settings.ts';
import { accountOf } from '../accounts/account-rig.ts';
import { providersOf, sealEnv, tokenAccount } from '../accounts/oauth/oauth-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { NameServer } from '../servers/name-server.ts';
import { OAuthServer } from '../servers/oauth-server.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { type PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Answer, type DashboardRig, openRig } from './dashboard-rig.ts';

const redis = useRedis();
/** A loaded machine may take long over what takes no time elsewhere. */
const patient = { timeout: 60_000, interval: 50 } as const;

async function rigOf(accounts: readonly Account[], settings: Partial<Settings> = {}): Promise<DashboardRig> {
  return openRig(await redis.another(), accounts, { settings, parts: { env: sealEnv } });
}

/** An account with mail at a server of its own, and a destination. */
async function annAt(behaviour: PopBehaviour = {}): Promise<{ ann: Account; pop: ScriptedPop3; imap: ScriptedImap }> {
  const bytes = Buffer.from('Message-ID: <1@x>\r\nDate: Tue, 4 Mar 2014 10:20:30 +0100\r\nSubject: one\r\n\r\n1\r\n');
  const messages = [{ uidl: 'one', bytes }];
  const pop = await ScriptedPop3.start({ user: 'ann', password: 'pw-of-ann', messages, ...behaviour });
  const imap = await ScriptedImap.start({});
  onTestFinished(() => Promise.all([pop.close(), imap.stop()]).then(() => {}));
  const plain = { host: '127.0.0.1', security: 'none' } as const;
  return {
    ann: accountOf('ann', { from: { ...plain, port: pop.port }, to: { ...plain, port: imap.port } }),
    pop,
    imap,
  };
}

interface Task {
  readonly state: string;
  readonly lines: readonly string[];
  readonly error: { readonly code: string } | null;
  readonly result: Record<string, unknown> | null;
}

async function begin({ ask }: DashboardRig, body: object): Promise<string> {
  const { status, json } = await ask('/api/tasks', { body });
  expect(status).toBe(202);
  return json['id'] as string;
}

const taskOf = async ({ ask }: DashboardRig, id: string) => (await ask(`/api/tasks/${id}`)).json as unknown as Task;

/** The task once it is as it should be. */
function until(rig: DashboardRig, id: string, holds: (task: Task) => boolean): Promise<Task> {
  return vi.waitFor(async () => {
    const task = await taskOf(rig, id);
    expect(holds(task), JSON.stringify(task)).toBe(true);
    return task;
  }, patient);
}

async function done(rig: DashboardRig, body: object): Promise<Task> {
  const task = await until(rig, await begin(rig, body), ({ state }) => state !== 'queued' && state !== 'running');
  expect(task).toMatchObject({ state: 'done', error: null });
  return task;
}

describe('tasks over HTTP', () => {
  it('check, verify and dry-run give what the commands print with --json', async () => {
    const { ann } = await annAt();
    const rig = await rigOf([ann, { ...accountOf('off'), enabled: false }]);
    const check = await done(rig, { kind: 'check', all: true });
    expect(check.lines).toEqual(['1/1 ann: complete']);
    expect(check.result).toMatchObject({
      version: 1,
      accounts: [{ id: 'ann', check: { incoming: { messages: 1 }, destination: { port: ann.destination.port } } }],
    });
    const dry = await done(rig, { kind: 'dry-run', account: ['ann'] });
    expect(dry.result).toMatchObject({ run: { id: 'dry-run' }, accounts: [{ messages: { pending: 1 } }] });
    const verify = await done(rig, { kind: 'verify', group: 'default', deep: '50%', seed: 7 });
    expect(verify.result).toMatchObject({ run: { id: 'verify', sample: { size: '50%', seed: 7 } } });
    expect(verify.result).toMatchObject({ accounts: [{ state: 'incomplete', messages: { pending: 1 } }] });
    const { tasks } = (await rig.ask('/api/tasks')).json as { tasks: { kind: string; done: number; of: number }[] };
    expect(tasks.map(({ kind, done, of }) => [kind, done, of])).toEqual([
      ['verify', 1, 1],
      ['dry-run', 1, 1],
      ['check', 1, 1],
    ]);
  });

  it('discover asks the name servers of the settings about each domain', async () => {
    const names = await NameServer.start({});
    onTestFinished(() => names.close());
    const settings = { discoverDnsServers: [names.address], discoverIspdbUrl: null, discoverTimeoutMs: 5000 };
    const rig = await rigOf([], settings);
    const { result, lines } = await done(rig, { kind: 'discover', addresses: ['ann@one.test', 'two.test'] });
    expect(result).toMatchObject({
      domains: [
        { domain: 'one.test', addresses: ['ann@one.test'], imap: { state: 'not-found' } },
        { domain: 'two.test', pop3: { state: 'not-found' } },
      ],
    });
    expect(lines).toHaveLength(2);
    expect(names.asked).toContain('SRV _pop3s._tcp.two.test');
  });

  it('authorize says where to sign in and what to type in there', async () => {
    const server = await OAuthServer.start({});
    onTestFinished(() => server.close());
    const rig = await rigOf([tokenAccount('ann@example.com', 'person')], { oauth: providersOf(server) as never });
    const id = await begin(rig, { kind: 'authorize', id: 'ann@example.com' });
    const { lines } = await until(rig, id, (task) => task.lines.some((line) => line.includes('user_code=')));
    expect(lines.join(' ')).toContain(`Open ${server.issuer}`);
    // Who may only look could consent in another's name.
    const { text, json } = await rig.ask(`/api/tasks/${id}`, { token: rig.lookToken });
    expect(json).toMatchObject({ kind: 'authorize', state: 'running', lines: [] });
    expect(text).not.toContain('user_code');
    // A provider is asked every five seconds whether the person has agreed: consent.test.ts waits for it.
    expect((await rig.ask(`/api/tasks/${id}`, { method: 'DELETE' })).json).toMatchObject({ state: 'cancelled' });
  });

  it('are cancelled while a server keeps them waiting, and end with the service', async () => {
    const { ann, pop } = await annAt({ hangAt: 'UIDL' });
    const rig = await rigOf([ann], { apiTasksAtOnce: 1 });
    const id = await begin(rig, { kind: 'check', all: true });
    await vi.waitFor(() => expect(pop.seen('UIDL')).toHaveLength(1), patient);
    const second = await begin(rig, { kind: 'dry-run', all: true });
    expect((await taskOf(rig, second)).state).toBe('queued');
    const { json } = await rig.ask(`/api/tasks/${id}`, { method: 'DELETE' });
    expect(json).toMatchObject({ id, state: 'cancelled' });
    await vi.waitFor(() => expect(pop.seen('UIDL')).toHaveLength(2), patient);
    expect(await taskOf(rig, second)).toMatchObject({ state: 'running' });
    await rig.dashboard.close();
    await vi.waitFor(() => expect(pop.open).toBe(0), patient);
  });

  it('are written into the audit log: who asked for what, and who cancelled it', async () => {
    const { ann } = await annAt({ hangAt: 'UIDL' });
    const rig = await rigOf([ann]);
    const headers = { 'mailhaul-user': 'ops' };
    const { json } = await rig.ask('/api/tasks', { body: { kind: 'check', account: ['ann'] }, headers });
    await rig.ask(`/api/tasks/${json['id']}`, { method: 'DELETE' });
    await rig.ask('/api/tasks', { body: { kind: 'verify', account: ['nobody'] } });
    const { entries } = (await rig.ask('/api/audit')).json;
    expect(entries).toMatchObject([
      { action: 'verify', scope: 'account nobody', result: 'refused: account-unknown' },
      { action: 'cancel', scope: `task ${json['id']}`, result: 'cancelled' },
      { action: 'check', scope: 'account ann', by: 'ops from 127.0.0.1', result: `task ${json['id']}` },
    ]);
  });

  it('are refused where they make no sense, and to who may only look', async () => {
    const rig = await rigOf([{ ...accountOf('off'), enabled: false }]);
    const asked = async (body: object, token?: string): Promise<[number, unknown]> => {
      const { status, json }: Answer = await rig.ask('/api/tasks', { body, ...(token !== undefined && { token }) });
      return [status, json['code']];
    };
    const off = { account: ['off'] };
    for (const body of [
      {},
      { kind: 'sync', all: true },
      { kind: 'check' },
      { kind: 'check', ...off },
      { kind: 'check', ...off, group: 'default' },
      { kind: 'verify', all: true, deep: 'everything' },
      { kind: 'verify', all: true, seed: 7 },
      { kind: 'verify', all: true, messagesFile: '/tmp/x' },
      { kind: 'discover', addresses: ['http://10.0.0.1/'] },
      { kind: 'discover', addresses: ['10.0.0.1'] },
      { kind: 'discover', addresses: ['ann@one.test'], write: '/tmp/list.csv' },
    ]) {
      expect(await asked(body), JSON.stringify(body)).toEqual([400, 'request-refused']);
    }
    expect(await asked({ kind: 'authorize', id: 'nobody' })).toEqual([404, 'account-unknown']);
    expect(await asked({ kind: 'dry-run', group: 'none' })).toEqual([404, 'group-unknown']);
    expect(await asked({ kind: 'check', all: true }, rig.lookToken)).toEqual([403, 'look-only']);
    expect((await rig.ask('/api/tasks/00')).json['code']).toBe('task-unknown');
    expect((await rig.ask('/api/tasks/00', { method: 'DELETE' })).status).toBe(404);
  });
});
