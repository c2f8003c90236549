/** One look at each side of an account: logged in to, read from, left as it was. */
import type { Login } from '../accounts/login.ts';
import { freeMessages, type Quota, tightest } from '../imap/mailbox-quota.ts';
import { MailboxClient } from '../imap/mailboxes.ts';
import { LedgerTable } from '../ledger/table.ts';
import { countedLogin } from '../limits/credentials.ts';
import { popHabits } from '../limits/hosts.ts';
import { loginKey } from '../limits/lease.ts';
import { inSourceTurn, openBudget, type SourceTurn } from '../limits/look.ts';
import type { TurnContext } from '../limits/turn.ts';
import { loginDelaySeconds } from '../pop3/capabilities.ts';
import { PopClient } from '../pop3/client.ts';
import { type Incoming, incomingOf } from './incoming.ts';
import { type TlsFacts, tlsFacts } from './tls.ts';

/** What one side has shown of itself so far, which is worth having though the login is refused in the end. */
export interface SeenSide {
  tls?: TlsFacts | undefined;
  /** Capabilities right before the login: whether a server offers TLS is not listed behind it. */
  offered?: Listed | undefined;
}

/** Capabilities in upper case; those of POP3 with their arguments. */
export type Listed = ReadonlyMap<string, string> | ReadonlySet<string>;

/** What the source showed. */
export interface SourceLook {
  /** Upper case, with their arguments. */
  readonly capabilities: ReadonlyMap<string, string>;
  readonly hasUidl: boolean;
  readonly incoming: Incoming;
}

/** What the destination showed. */
export interface DestinationLook {
  /** Upper case. */
  readonly capabilities: ReadonlySet<string>;
  /** Bytes a message may have in the mailbox; undefined where the server does not say. */
  readonly appendLimit: number | undefined;
  /** undefined where the server tells none. */
  readonly quota: Quota | undefined;
  /** Messages that its quotas leave; undefined where they are not limited. */
  readonly freeMessages?: number | undefined;
  /** Messages that are in the mailbox now; undefined where it does not exist yet. */
  readonly messages: number | undefined;
}

/**
 * Lists the maildrop. No message is fetched, so that QUIT commits nothing (promise 1). `seen` gets the certificate as
 * soon as it is there, and what is listed before the login. Throws MailhaulError.
 */
export async function lookAtSource(
  account: string,
  endpoint: Login,
  context: TurnContext,
  seen: SeenSide,
): Promise<SourceLook> {
  return inSourceTurn(endpoint, context, (turn) => listSource(account, endpoint, { ...turn, context, seen }));
}

interface Opened extends SourceTurn {
  readonly context: TurnContext;
  readonly seen: SeenSide;
}

async function listSource(
  account: string,
  endpoint: Login,
  { context, lease, budget, seen }: Opened,
): Promise<SourceLook> {
  const { redis, settings, signal } = context;
  const habits = await popHabits(redis, endpoint.host, endpoint.port);
  const options = {
    ...settings,
    ...habits,
    signal: AbortSignal.any([lease.lost, signal]),
    onSecure: (socket: Parameters<typeof tlsFacts>[0]) => {
      seen.tls = tlsFacts(socket);
    },
    onCapabilities: (capabilities: ReadonlyMap<string, string>) => {
      seen.offered = capabilities;
    },
  };
  const connect = (fresh: Login) => PopClient.connect(fresh, options);
  const client = await budget.login(() =>
    countedLogin(redis, lease.login, endpoint, settings.credentialTries, connect),
  );
  try {
    const delayMs = loginDelaySeconds(client.capabilities) * 1000;
    if (delayMs > 0) budget.noteLoginDelay(delayMs);
    const listing = await client.list();
    const { capabilities } = client;
    await client.quit();
    const incoming = incomingOf(listing, await LedgerTable.load(redis, account));
    return { capabilities, hasUidl: listing.hasUidl, incoming };
  } finally {
    client.destroy();
  }
}

/**
 * Asks the destination for its limits and for the counters of the mailbox; nothing is selected or created. Throws
 * MailhaulError.
 */
export async function lookAtDestination(
  mailbox: string,
  endpoint: Login,
  context: TurnContext,
  seen: SeenSide,
): Promise<DestinationLook> {
  const { redis, settings, signal } = context;
  const login = loginKey('imap', endpoint);
  const budget = await openBudget({ side: 'destination', login, host: endpoint.host, connections: 1 }, context);
  try {
    const onSecure = (socket: Parameters<typeof tlsFacts>[0]) => {
      seen.tls = tlsFacts(socket);
    };
    const onCapabilities = (capabilities: ReadonlySet<string>) => {
      seen.offered = capabilities;
    };
    const options = { ...settings, signal, onSecure, onCapabilities };
    const connect = (fresh: Login) => MailboxClient.connect(fresh, options);
    const client = await budget.login(() => countedLogin(redis, login, endpoint, settings.credentialTries, connect));
    try {
      const found = await client.find(mailbox);
      const { capabilities } = client;
      const quotas = await client.quotas(found ?? 'INBOX');
      const counted = quotas.flatMap((one) => freeMessages(one) ?? []);
      const appendLimit = await client.appendLimit(found ?? 'INBOX');
      const messages = found === undefined ? undefined : (await client.status(found)).messages;
      const least = counted.length > 0 ? Math.min(...counted) : undefined;
      return { capabilities, appendLimit, quota: tightest(quotas), freeMessages: least, messages };
    } finally {
      await client.close();
    }
  } finally {
    await budget.close();
  }
}
