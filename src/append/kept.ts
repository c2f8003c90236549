/**
 * Connections to destinations that wait for the next session of their login, in this process and for a bounded time: a
 * session that comes soon after another need not log in again.
 */
import { inTime } from '../ground/clock.ts';
import { hexDigest } from '../ground/digest.ts';
import type { AppendChannel } from '../imap/append-channel.ts';
import type { ImapEndpoint } from '../imap/door.ts';
import type { MailboxClient } from '../imap/mailboxes.ts';

/** How long a connection may take to show that it is alive. */
const aliveMs = 3000;

/** The two connections of a session. */
export interface KeptPair {
  readonly channel: AppendChannel;
  readonly looker: MailboxClient;
}

interface Kept extends KeptPair {
  /** What it was logged in with. */
  readonly mark: string;
  /** Waits for nobody any more. */
  readonly forget: () => void;
}

/** How long they are kept, and how many. */
export interface KeepingLimits {
  /** 0: none is kept. */
  readonly destinationIdleMs: number;
  /** Most of them are kept for so many logins. */
  readonly imapSessions: number;
}

/** The connections that a process keeps, one pair for a login at most. */
export class KeptConnections {
  readonly #limits: KeepingLimits;
  readonly #kept = new Map<string, Kept>();
  #closed = false;

  constructor(limits: KeepingLimits) {
    this.#limits = limits;
  }

  /**
   * Those of a login (by its key), where they are alive and the endpoint is what it was; `signal` ends them from now on.
   * What is of no use is closed.
   */
  async take(login: string, endpoint: ImapEndpoint, signal: AbortSignal): Promise<KeptPair | undefined> {
    const kept = this.#forget(login);
    if (!kept) return undefined;
    if (kept.mark !== markOf(endpoint)) return leave(kept);
    const channel = kept.channel;
    const looker = kept.looker.handedOn(signal);
    channel.handOn(signal);
    const alive = await inTime(Promise.all([channel.alive(), looker.alive()]), aliveMs);
    if (alive?.every((each) => each)) return { channel, looker };
    channel.destroy();
    looker.destroy();
    return undefined;
  }

  /** Keeps them for the next session of this login; `release` ends that early. */
  keep(login: string, endpoint: ImapEndpoint, pair: KeptPair, release: AbortSignal): void {
    this.#drop(login);
    const { destinationIdleMs, imapSessions } = this.#limits;
    if (this.#closed || release.aborted || destinationIdleMs === 0) return void leave(pair);
    for (const oldest of this.#kept.keys()) if (this.#kept.size >= imapSessions) this.#drop(oldest);
    const drop = () => this.#drop(login);
    const timer = setTimeout(drop, destinationIdleMs);
    timer.unref();
    release.addEventListener('abort', drop, { once: true });
    const forget = () => {
      clearTimeout(timer);
      release.removeEventListener('abort', drop);
    };
    this.#kept.set(login, { ...pair, mark: markOf(endpoint), forget });
  }

  /** Logs out of all of them, and keeps none any more. */
  close(): void {
    this.#closed = true;
    for (const login of [...this.#kept.keys()]) this.#drop(login);
  }

  #forget(login: string): Kept | undefined {
    const kept = this.#kept.get(login);
    this.#kept.delete(login);
    kept?.forget();
    return kept;
  }

  #drop(login: string): void {
    const kept = this.#forget(login);
    if (kept) leave(kept);
  }
}

/** Nobody waits for the answers. */
function leave({ channel, looker }: KeptPair): undefined {
  void channel.close();
  void looker.close();
  return undefined;
}

function markOf({ host, port, security, auth, user, authzUser = '', tlsCa = '', transport, ...secret }: ImapEndpoint) {
  const { tokens, password } = secret as { tokens?: { identity: string } | undefined; password: string };
  const way = [security, auth, user, authzUser, tlsCa, JSON.stringify(transport ?? null)];
  return hexDigest(16, host, String(port), ...way, tokens?.identity ?? password);
}
