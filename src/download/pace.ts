/** What budgets have to do with one download session: its login and the pace of its messages. */
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { Lease } from '../limits/lease.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import type { Wait } from '../limits/waits.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import { type ConnectSource, openSource } from './source.ts';
import type { Taking } from './source-client.ts';

/** Connects and logs in when the budget says so; `onLogin` as `openSource` has it. Throws MailhaulError. */
export async function openWithin<Client extends { readonly capabilities: ReadonlyMap<string, string> }>(
  budget: SessionBudget,
  endpoint: PopEndpoint,
  lease: Lease,
  context: { redis: RedisClient; settings: Settings },
  connect: ConnectSource<Client>,
  onLogin?: () => void,
): Promise<Client> {
  const client = await budget.login(() => openSource(endpoint, lease, context, connect, onLogin));
  // RFC 2449 §6.5: the first argument is the least number of seconds between two logins.
  const seconds = Number.parseInt(client.capabilities.get('LOGIN-DELAY') ?? '', 10);
  if (seconds > 0) budget.noteLoginDelay(seconds * 1000);
  return client;
}

/** Paces the messages of one session. */
export class Pace {
  readonly limited: boolean;
  readonly #budget: SessionBudget;
  #taking: Pick<Taking, 'received' | 'dueOctets'> = { received: 0, dueOctets: 0 };
  /** Octets that the listing gave for the messages that were asked for. */
  #listed = 0;
  /** Octets beyond the listing that were counted. */
  #excess = 0;

  constructor(budget: SessionBudget) {
    this.limited = budget.limited;
    this.#budget = budget;
  }

  /** Messages are being taken. */
  watch(taking: Taking): void {
    this.#taking = taking;
  }

  /** Asks for one message more; returns when to come back where its turn is too far off. */
  async pass(octets: number): Promise<Wait | undefined> {
    const excess = this.#newExcess();
    this.#excess += excess;
    const wait = await this.#budget.pass(1, octets, excess);
    if (!wait) this.#listed += octets;
    return wait;
  }

  /** Counts what came beyond the listing since the last message was asked for. */
  async settle(): Promise<void> {
    if (this.limited) await this.#budget.charge(this.#newExcess());
  }

  /** A listing that is too low is made good; one that is too high stays counted, and errs on the safe side. */
  #newExcess(): number {
    const { received, dueOctets } = this.#taking;
    return Math.max(0, received - (this.#listed - dueOctets) - this.#excess);
  }
}
