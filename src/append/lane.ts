/** One append channel among others, and what it is good for. */
import type { AppendChannel } from '../imap/append-channel.ts';

/** A channel and what is known of it. */
export interface Lane {
  channel: AppendChannel;
  /** The mailbox that is selected. */
  selected: string;
  /** Settles when the command that is being written is in the socket; undefined while the lane is free. */
  busy: Promise<void> | undefined;
  /** Set where another connection is to take its place before it is used again. */
  spoilt: boolean;
  /** Set where it refused something: if the server ends it now, it does so for that. */
  refused: boolean;
  /** It gets no more commands. */
  retired: boolean;
  renewing: Promise<void> | undefined;
}

/** A lane that nothing has gone over yet. */
export function laneOf(channel: AppendChannel): Lane {
  return {
    channel,
    selected: '',
    busy: undefined,
    spoilt: false,
    refused: false,
    retired: false,
    renewing: undefined,
  };
}

/** Whether another connection must take its place first. */
export function isSpent(lane: Lane): boolean {
  return lane.spoilt || (lane.refused && lane.channel.ended);
}

/** Whether it has ended of itself; if something was under way on it, the session hears of it by that. */
export function isGone(lane: Lane): boolean {
  return lane.channel.ended && !isSpent(lane);
}

/** Whether it is not as good as a new one. */
export function isWorn({ spoilt, refused, renewing }: Lane): boolean {
  return spoilt || refused || renewing !== undefined;
}
