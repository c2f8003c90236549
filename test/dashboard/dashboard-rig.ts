/** A dashboard over a real Redis, with accounts that nobody works for. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Account, Endpoint } from '../../src/accounts/account.ts';
import { type Dashboard, openDashboard } from '../../src/dashboard/server.ts';
import { systemClock } from '../../src/ground/clock.ts';
import { hexDigest } from '../../src/ground/digest.ts';
import { silentLog } from '../../src/ground/log.ts';
import { packageRoot } from '../../src/ground/package-root.ts';
import type { RedisHandle } from '../../src/ground/redis.ts';
import { newRunId } from '../../src/ground/run-id.ts';
import type { Settings } from '../../src/ground/settings.ts';
import { type LoadedSettings, loadSettings } from '../../src/ground/settings-load.ts';
import { readRun } from '../../src/ledger/run.ts';
import { Bell } from '../../src/limits/bell.ts';
import { Steering } from '../../src/limits/steering.ts';
import type { DeskParts } from '../../src/operations/desk.ts';
import { Queues } from '../../src/schedule/queues.ts';
import { RunControl } from '../../src/schedule/run-control.ts';
import { faultsOf } from './documented.ts';

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The answer as JSON. */
  readonly json: Record<string, unknown>;
}

/** How a request differs from a good one. */
export interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A dashboard and how to ask it. */
export interface DashboardRig {
  readonly dashboard: Dashboard;
  readonly settings: LoadedSettings;
  readonly steering: Steering;
  readonly control: RunControl;
  readonly token: string;
  /** The token that may only look. */
  readonly lookToken: string;
  /** Asks, and throws where the answer is not as docs/openapi.json has it. */
  ask(path: string, ask?: Ask): Promise<Answer>;
}

/** The password of every account here; it must turn up nowhere. */
export const canary = 'canary-password-93';

/** An account; its hosts are those of its group. */
export function accountOf(id: string, group = 'wave-1'): Account {
  const endpoint = (host: string): Endpoint => ({
    host,
    port: 1,
    security: 'none',
    auth: 'auto',
    user: `${id}-user`,
    password: { kind: 'literal', value: canary } as unknown as Endpoint['password'],
  });
  return {
    id,
    key: hexDigest(16, id),
    group,
    enabled: true,
    source: endpoint(`pop.${group}`),
    destination: endpoint(`imap.${group}`),
    mailbox: 'INBOX',
    line: 1,
  };
}

/** What else a dashboard may be given. */
export interface RigOptions {
  readonly settings?: Partial<Settings>;
  readonly parts?: Partial<DeskParts>;
  readonly dataDir?: string;
  /** The web build that it serves; none where it is left out. */
  readonly pageFolder?: string;
  /** Where its end is left, for one that serves several tests; the end of the test where it is left out. */
  readonly atEnd?: (end: () => Promise<void>) => void;
}

/** Opens one; it is closed with the test. */
export async function openRig(
  handle: RedisHandle,
  accounts: readonly Account[],
  more: RigOptions = {},
): Promise<DashboardRig> {
  const dataDir = more.dataDir ?? (await mkdtemp(join(tmpdir(), 'mailhaul-dashboard-')));
  const loaded = loadSettings({ env: {}, options: { dataDir, listen: '127.0.0.1:0' } });
  const settings: LoadedSettings = { ...loaded, metricsMs: 0, ...more.settings, dataDir };
  const log = silentLog();
  const redis = handle.client;
  const queues = new Queues(handle, log, settings.leaseMs);
  const bell = await Bell.open(redis, handle.duplicate());
  const steering = await Steering.open(redis, handle.duplicate(), settings);
  const isPaused = (key: string) => steering.pausedBy(accounts.find((one) => one.key === key)!) !== undefined;
  const control = new RunControl({ redis, settings, queues, bell, log, clock: systemClock, isPaused });
  const book = { all: () => accounts };
  // Without a scheduler: unless a run of an account goes on, one is started at once.
  const askRun = async (account: string, now: number) => {
    const run = await readRun(redis, account);
    if (!run || run.finishedAt > 0) await control.start(account, newRunId(now));
  };
  const readWaits = async () => new Map();
  const parts = { redis, settings, log, book, steering, control, queues, askRun, readWaits, ...more.parts };
  const dashboard = await openDashboard(parts, {
    page: more.pageFolder ?? join(dataDir, 'no-page'),
    queues: join(packageRoot(), 'node_modules', '@bull-board', 'ui', 'dist'),
  });
  (more.atEnd ?? onTestFinished)(async () => {
    await dashboard.close();
    await steering.close();
    await bell.close();
    await queues.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const token = (await readFile(join(dataDir, 'token'), 'utf8')).trim();
  const ask = async (path: string, how: Ask = {}) => {
    const answer = await send(dashboard.url, path, token, how);
    const { status, headers, text } = answer;
    const fault = faultsOf(methodOf(how), path, status, String(headers['content-type']), text);
    if (fault !== '') throw new Error(fault);
    return answer;
  };
  const lookToken = (await readFile(join(dataDir, 'token-look'), 'utf8')).trim();
  return { dashboard, settings, steering, control, token, lookToken, ask };
}

function methodOf({ method, raw, body }: Ask): string {
  return method ?? (raw === undefined && body === undefined ? 'GET' : 'POST');
}

/** node:http, because fetch lets nobody choose the Host header. */
function send(url: string, path: string, token: string, how: Ask): Promise<Answer> {
  const body = how.raw ?? (how.body === undefined ? undefined : JSON.stringify(how.body));
  const headers: Record<string, string> = { ...how.headers };
  if (body !== undefined) headers['content-type'] ??= 'application/json';
  if (how.token !== null) headers['authorization'] = `Bearer ${how.token ?? token}`;
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method: methodOf(how), headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => {
        const { statusCode: status = 0 } = response;
        resolve({
          status,
          headers: response.headers,
          text,
          get json() {
            return JSON.parse(text);
          },
        });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
