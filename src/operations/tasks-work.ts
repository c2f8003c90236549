/** The work of each kind of task: the operation of the same name, on the stored accounts, as its command does it. */
import type { Account } from '../accounts/account.ts';
import { mailAddress } from '../accounts/discovery/address.ts';
import { knownProviders } from '../accounts/discovery/profile.ts';
import { realWorld } from '../accounts/discovery/real-world.ts';
import type { DiscoveryWorld } from '../accounts/discovery/seams.ts';
import { profilesOf } from '../accounts/profiles.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import type { AccountReport } from '../report/report.ts';
import type { TaskRequest } from './answers/tasks.ts';
import { authorize } from './authorize.ts';
import { check } from './check.ts';
import { discover } from './discover.ts';
import { dryRun } from './dry-run.ts';
import { type Accounts, narrowed, type Selection, select, selectionText } from './selection.ts';
import type { TaskOrder, TaskProgress } from './tasks.ts';
import { verify } from './verify.ts';
import { depthOf } from './verify-depth.ts';

/** What tasks work with. */
export interface TaskContext {
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly env: NodeJS.ProcessEnv;
  readonly book: Accounts;
}

type Asked<K extends TaskRequest['kind']> = Extract<TaskRequest, { kind: K }>;
type Order = Omit<TaskOrder, 'kind' | 'by'>;

/** What a request comes to. Throws `request-refused`, `account-unknown` or `group-unknown`, and then nothing is done. */
export async function orderOf(context: TaskContext, request: TaskRequest): Promise<Order> {
  switch (request.kind) {
    case 'check':
      return checkOrder(context, request);
    case 'verify':
      return verifyOrder(context, request);
    case 'dry-run':
      return dryRunOrder(context, request);
    case 'discover':
      return discoverOrder(context, request);
    case 'authorize':
      return authorizeOrder(context, request);
  }
}

async function checkOrder(context: TaskContext, request: Asked<'check'>): Promise<Order> {
  return overAccounts(context, request, ({ accounts, ...shared }, progress) =>
    check({ ...shared, accounts, wrong: undefined, ...telling(accounts, progress) }),
  );
}

async function verifyOrder(context: TaskContext, request: Asked<'verify'>): Promise<Order> {
  const depth = depthAsked(request);
  return overAccounts(context, request, ({ accounts, ...shared }, progress) =>
    verify({ ...shared, accounts, depth, messagesFile: undefined, ...telling(accounts, progress) }),
  );
}

async function dryRunOrder(context: TaskContext, request: Asked<'dry-run'>): Promise<Order> {
  return overAccounts(context, request, ({ accounts, redis, settings, env, signal }, progress) =>
    dryRun(redis, settings, accounts, { env, signal, ...telling(accounts, progress) }),
  );
}

/** The words of the command line are not those of a request. */
function depthAsked({ deep, seed }: Asked<'verify'>): ReturnType<typeof depthOf> {
  try {
    return depthOf(deep, seed === undefined ? undefined : String(seed));
  } catch {
    const reason = 'deep is true, a number of messages ("500") or a share of them ("5%"), and seed goes with a sample';
    throw new MailhaulError('request-refused', { reason });
  }
}

interface OverAccounts {
  readonly accounts: readonly Account[];
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

async function overAccounts(
  { redis, settings, env, book }: TaskContext,
  { account, group, all }: Selection,
  work: (asked: OverAccounts, progress: TaskProgress) => Promise<unknown>,
): Promise<Order> {
  const selection = { account, group, all };
  const accounts = (await select(book, selection)).accounts.filter(({ enabled }) => enabled);
  if (accounts.length === 0) {
    throw new MailhaulError('request-refused', { reason: 'none of these accounts is switched on' });
  }
  const scope = selectionText(selection);
  const { length: of } = accounts;
  return {
    scope,
    of,
    work: (progress) => work({ accounts, redis, settings, env, signal: progress.signal }, progress),
  };
}

function telling({ length: of }: readonly Account[], { tell, count }: TaskProgress) {
  const onAccount = ({ id, state, problems }: AccountReport, done: number) => {
    const codes = problems.map(({ code }) => code).join(', ');
    count(done, of);
    tell(`${done}/${of} ${id}: ${state}${codes === '' ? '' : `: ${codes}`}`);
  };
  return { onWait: tell, onAccount };
}

/**
 * Who may steer may have any domain looked at, as the command line does: nothing is sent to what is found there but the
 * questions of discovery, and nothing of what it says comes back but what discovery's report has.
 */
async function discoverOrder({ settings, env }: TaskContext, request: Asked<'discover'>): Promise<Order> {
  const { addresses, protocol, everywhere = false } = request;
  const wrong = addresses.findIndex((text) => mailAddress(text) === undefined);
  if (wrong !== -1) {
    throw new MailhaulError('request-refused', {
      reason: `body.addresses.${wrong}: neither a mail address nor a domain`,
    });
  }
  const of = new Set(addresses.map((text) => mailAddress(text)!.domain)).size;
  return {
    scope: addresses.join(', '),
    of,
    work: ({ signal, tell, count }) => {
      const world = realWorld(settings, knownProviders(profilesOf(settings)), env);
      const asked = {
        settings,
        env,
        addresses,
        protocols: protocol === undefined ? (['pop3', 'imap'] as const) : [protocol],
        list: undefined,
        write: false,
        trustDns: false,
        all: everywhere,
        onDomain: (domain: string, done: number, all: number) => {
          count(done, all);
          tell(`${done}/${all} ${domain}`);
        },
      };
      return discover(asked, untilStopped(world, signal));
    },
  };
}

/** Asks nothing more once the signal was given: what is asked then has its own time to answer. */
function untilStopped(world: DiscoveryWorld, signal: AbortSignal): DiscoveryWorld {
  const unless =
    <A extends unknown[], R>(ask: (...all: A) => Promise<R>) =>
    async (...all: A): Promise<R> => {
      if (!signal.aborted) return ask(...all);
      throw new MailhaulError('discovery-source', { source: 'nobody', reason: 'the search was cancelled' });
    };
  const { dns, http, probe } = world;
  return {
    ...world,
    dns: {
      resolveSrv: unless((name) => dns.resolveSrv(name)),
      resolveMx: unless((domain) => dns.resolveMx(domain)),
      addresses: unless((host) => dns.addresses(host)),
    },
    http: { get: unless((url) => http.get(url)) },
    probe: { look: unless((target) => probe.look(target)) },
  };
}

async function authorizeOrder(context: TaskContext, { id }: Asked<'authorize'>): Promise<Order> {
  const { redis, settings, env, book } = context;
  const account = narrowed(await book.all(), { ids: [id] })[0]!;
  return {
    scope: `account ${id}`,
    of: 1,
    work: async ({ signal, tell, count }) => {
      // By a code: the person's browser is on another machine.
      const authorized = await authorize(account, { redis, settings, env, device: true, signal, tell });
      count(1, 1);
      return { version: 1, account: id, authorized };
    },
  };
}
