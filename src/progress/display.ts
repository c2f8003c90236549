/** Showing a tally: in place on a terminal, as a line now and then elsewhere. Both print to standard error. */
import { progressLine } from './lines.ts';
import { type Rate, RateMeter } from './rate.ts';
import type { AccountProgress, Tally } from './tally.ts';

/** Shows tallies as they come. */
export interface Display {
  show(tally: Tally, now: number): void;
  /** Leaves the last state on the screen. */
  end(): void;
}

/** Rates of accounts, by id. */
class Rates {
  readonly #meters = new Map<string, RateMeter>();

  line(progress: AccountProgress, now: number): string {
    return progressLine(progress, this.#rate('account', progress, now));
  }

  totalLine(tally: Tally, now: number): string {
    const id = `total (${tally.finished}/${tally.accounts.length})`;
    return progressLine({ ...tally.total, id }, this.#rate('total', tally.total, now));
  }

  #rate(kind: 'account' | 'total', progress: AccountProgress, now: number): Rate {
    const name = `${kind} ${progress.id}`;
    const meter = this.#meters.get(name) ?? new RateMeter();
    this.#meters.set(name, meter);
    return meter.note(now, progress.settled, progress.bytesAppended);
  }
}

/** One line an account in flight and one for the total, renewed in place. */
export async function terminalDisplay(stream: NodeJS.WriteStream): Promise<Display> {
  // It compiles what is known of emoji, which is a tenth of the start of a command that shows nothing.
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stream);
  const rates = new Rates();
  return {
    show(tally, now) {
      const room = Math.max(1, (stream.rows ?? 24) - 4);
      const inFlight = tally.accounts.filter(({ state }) => state === 'running' || state === 'waiting');
      const lines = inFlight.slice(0, room).map((account) => rates.line(account, now));
      if (inFlight.length > room) lines.push(`… and ${inFlight.length - room} more`);
      const total = rates.totalLine(tally, now);
      update([...lines, total].map((line) => line.slice(0, (stream.columns ?? 80) - 1)).join('\n'));
    },
    end: () => update.done(),
  };
}

/** Plain lines: one when an account ends, one for the total every `everyMs`. */
export function lineDisplay(write: (line: string) => void, everyMs: number): Display {
  const rates = new Rates();
  const ended = new Set<string>();
  let last = 0;
  return {
    show(tally, now) {
      for (const account of tally.accounts) {
        if (!['complete', 'incomplete', 'failed'].includes(account.state) || ended.has(account.id)) continue;
        ended.add(account.id);
        write(`${account.id}: ${account.state}, ${account.settled} of ${account.listed} messages`);
      }
      const line = rates.totalLine(tally, now);
      if (now - last < everyMs) return;
      if (last > 0) write(line);
      last = now;
    },
    end: () => {},
  };
}

/** Shows nothing, for --quiet. */
export const noDisplay: Display = { show: () => {}, end: () => {} };
