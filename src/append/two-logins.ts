/** The two connections of one destination: on their way at the same time, and let in one after the other. */
import type { Settings } from '../ground/settings.ts';
import { AppendChannel } from '../imap/append-channel.ts';
import type { ImapEndpoint } from '../imap/door.ts';
import { MailboxClient } from '../imap/mailboxes.ts';
import type { Lease } from '../limits/lease.ts';
import type { SessionBudget } from '../limits/session-budget.ts';

/** One connection that appends, and one that looks at mailboxes, for which the first appends need not wait. */
export interface Connections {
  readonly channel: AppendChannel;
  readonly looker: Promise<MailboxClient>;
}

/** What they are opened with. */
interface Opening {
  readonly settings: Settings;
  readonly endpoint: ImapEndpoint;
  readonly lease: Lease;
  readonly budget: SessionBudget;
  /** True where the first append waits for a look at the mailboxes. */
  readonly looksFirst: boolean;
}

/** How one of them is opened. */
interface Steps {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Its login waits for this. */
  readonly admitted?: () => Promise<void>;
  /** To be called when it was let in. */
  readonly onAdmitted?: () => void;
}

/**
 * Logs in twice. The connection that has more to do before the first append goes first; the other one says its password
 * when that one was let in, because a wrong one is tried once. Throws MailhaulError.
 */
export async function openConnections(options: Opening): Promise<Connections> {
  const { endpoint, settings, looksFirst } = options;
  const append = (steps: Steps) => AppendChannel.open(endpoint, { ...settings, ...steps });
  const look = (steps: Steps) => MailboxClient.connect(endpoint, { ...settings, ...steps });
  if (!looksFirst) {
    const { first, second } = inTurn(options, append, look);
    return { channel: await first, looker: second };
  }
  const { first, second } = inTurn(options, look, append);
  try {
    await first;
    return { channel: await second, looker: first };
  } catch (error) {
    first.then((looker) => looker.destroy()).catch(() => {});
    throw error;
  }
}

/** Where the first fails before it was let in, the second fails with it; whoever looks at the first has seen both. */
function inTurn<First, Second>(
  { lease, budget }: Opening,
  first: (steps: Steps) => Promise<First>,
  second: (steps: Steps) => Promise<Second>,
): { first: Promise<First>; second: Promise<Second> } {
  let onAdmitted: () => void = () => {};
  const letIn = new Promise<void>((resolve) => {
    onAdmitted = resolve;
  });
  const leading = budget.login(() => first({ signal: lease.lost, onAdmitted }));
  const admitted = Promise.race([letIn, leading.then(() => {})]);
  const following = follow(lease.lost, admitted, (steps) => budget.loginAgain(() => second(steps)));
  following.catch(() => {});
  return { first: leading, second: following };
}

/** A server that did not wait so long for the login is connected to once more. */
async function follow<Second>(
  signal: AbortSignal,
  admitted: Promise<void>,
  second: (steps: Steps) => Promise<Second>,
): Promise<Second> {
  const refused = new AbortController();
  let begun = false;
  const begin = admitted.then(
    () => {
      begun = true;
    },
    (error) => {
      refused.abort(error);
      throw error;
    },
  );
  begin.catch(() => {});
  try {
    return await second({ signal: AbortSignal.any([signal, refused.signal]), admitted: () => begin });
  } catch (error) {
    const early = !begun;
    await begin;
    if (!early) throw error;
    return second({ signal });
  }
}
