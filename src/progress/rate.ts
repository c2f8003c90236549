/** Rates: how fast something grows, over the last seconds. */

const windowMs = 10_000;

/** Messages and bytes a second. */
export interface Rate {
  readonly messages: number;
  readonly bytes: number;
}

interface Sample extends Rate {
  readonly at: number;
}

/** Remembers counts of one account for a few seconds. */
export class RateMeter {
  #samples: Sample[] = [];

  /** Notes the counts at a time in milliseconds and returns the rate over the window. */
  note(at: number, messages: number, bytes: number): Rate {
    this.#samples.push({ at, messages, bytes });
    while (this.#samples.length > 2 && this.#samples[1]!.at <= at - windowMs) this.#samples.shift();
    const first = this.#samples[0]!;
    const seconds = (at - first.at) / 1000;
    if (seconds <= 0) return { messages: 0, bytes: 0 };
    return { messages: (messages - first.messages) / seconds, bytes: (bytes - first.bytes) / seconds };
  }
}

/** What is left at this rate, in seconds; undefined when nothing moves. */
export function secondsLeft(left: number, perSecond: number): number | undefined {
  return perSecond > 0 ? left / perSecond : undefined;
}
