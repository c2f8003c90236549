/**
 * The append channels of one session: one, which is enough where commands can be pipelined, and more where the server
 * forces a round trip on each message (design §7).
 */
import { MailhaulError } from '../ground/errors.ts';
import type {
  AppendChannel,
  AppendCommand,
  AppendFeatures,
  AppendHandle,
  AppendOutcome,
  Selected,
} from '../imap/append-channel.ts';

interface Lane {
  channel: AppendChannel;
  /** The mailbox that is selected. */
  selected: string;
  /** Settles when the command that is being written is in the socket; undefined while the lane is free. */
  busy: Promise<void> | undefined;
  /** Set where another connection is to take its place before it is used again. */
  spoilt: boolean;
  /** Set where it refused something: if the server ends it now, it does so for that. */
  refused: boolean;
  renewing: Promise<void> | undefined;
}

/** How connections are opened; what they throw is thrown on. And what is known of the server. */
export interface PoolOptions {
  /** In the place of one that was closed. */
  readonly again: () => Promise<AppendChannel>;
  /** One more; undefined where there is none to spare. */
  readonly another: () => Promise<AppendChannel | undefined>;
  /** Most connections, where each message costs a round trip. */
  readonly max: number;
  readonly peer: { host: string; user: string };
  /** Whether each command waits for the answer of the one before it on its connection. */
  readonly oneAtATime: boolean;
  /** The server ended a connection for its BADs, with other commands under way. */
  readonly onCut: () => void;
}

const alertsKept = 20;

/** Channels that append side by side. Messages on one channel keep their order; those on several need not. */
export class ChannelPool {
  readonly #lanes: Lane[];
  readonly #options: PoolOptions;
  #max: number;
  /** Set from the first BAD on: none shall meet a second one on its connection, or kill what is under way there. */
  #oneAtATime: boolean;
  /** What connections that are gone were told. */
  #alerts: readonly string[] = [];
  #told: ReadonlySet<string> = new Set();
  #destroyed = false;

  constructor(first: AppendChannel, options: PoolOptions) {
    this.#options = options;
    this.#lanes = [laneOf(first)];
    this.#max = first.roundTripPerMessage ? options.max : 1;
    this.#oneAtATime = options.oneAtATime;
  }

  /** The channel that looks at mailboxes first. */
  get first(): AppendChannel {
    return this.#lanes[0]!.channel;
  }

  get features(): AppendFeatures {
    return this.first.features;
  }

  /** What the server asked to be shown to a person, on all connections: the last of it. */
  get alerts(): readonly string[] {
    return [...this.#alerts, ...this.#lanes.flatMap(({ channel }) => channel.alerts)].slice(-alertsKept);
  }

  /** The alerts that came since this was last called. */
  takeAlerts(): readonly string[] {
    const fresh = this.alerts.filter((text) => !this.#told.has(text));
    this.#told = new Set(this.alerts);
    return fresh;
  }

  /** From now on commands go to fresh connections; those there are get their answers and are closed. */
  renew(): void {
    for (const lane of this.#lanes) lane.spoilt = true;
  }

  /** Selects a mailbox on the first channel; one that is spent is replaced before. Throws MailhaulError. */
  async select(path: string): Promise<Selected> {
    const lane = this.#lanes[0]!;
    while (!this.#destroyed && (lane.renewing !== undefined || isSpent(lane))) await this.#replace(lane);
    const { channel } = lane;
    const selected = await channel.select(path);
    if (!selected.missing && lane.channel === channel) lane.selected = path;
    return selected;
  }

  /** Hands a command to a free channel, waiting for one; resolves when the channel has it. Throws MailhaulError. */
  async append(command: AppendCommand): Promise<AppendHandle> {
    return this.#onLane(command.path, (lane) => this.#send(lane, command));
  }

  /** The channel, where it is the only one and as good as new. */
  get spare(): AppendChannel | undefined {
    const [lane, ...more] = this.#lanes;
    if (!lane || more.length > 0 || this.#oneAtATime || this.#destroyed) return undefined;
    const { channel, spoilt, refused, renewing } = lane;
    return spoilt || refused || renewing !== undefined || channel.ended ? undefined : channel;
  }

  /** Logs out of every channel. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#lanes.map(({ channel }) => channel.close()));
  }

  /** Drops every channel. */
  destroy(): void {
    this.#destroyed = true;
    for (const { channel } of this.#lanes) channel.destroy();
  }

  /** Uses a free lane that has the mailbox selected, without a moment in between. Looked at again after each wait: others send and select meanwhile. */
  async #onLane<T>(path: string, use: (lane: Lane) => T): Promise<T> {
    for (;;) {
      const lane = this.#lanes.find(({ busy }) => busy === undefined);
      if (!lane) await this.#freeLane();
      else if (!this.#destroyed && isSpent(lane)) await this.#replace(lane);
      else if (lane.selected === path) return use(lane);
      else await this.#select(lane, path);
    }
  }

  async #select(lane: Lane, path: string): Promise<void> {
    const { channel } = lane;
    const selected = await channel.select(path);
    if (selected.missing)
      throw new MailhaulError('server-unavailable', { ...this.#options.peer, reply: selected.text });
    if (lane.channel === channel) lane.selected = path;
  }

  async #freeLane(): Promise<void> {
    for (;;) {
      if (this.#lanes.some((lane) => lane.busy === undefined)) return;
      if (this.#lanes.length < this.#max) await this.#addLane();
      else await Promise.race(this.#lanes.map((lane) => lane.busy));
    }
  }

  /** One more connection; a server that gives none is not asked again in this session. */
  async #addLane(): Promise<void> {
    const channel = await this.#options.another().catch(() => undefined);
    if (channel) this.#lanes.push(laneOf(channel));
    else this.#max = this.#lanes.length;
  }

  #send(lane: Lane, command: AppendCommand): AppendHandle {
    const handle = lane.channel.append(command);
    const wasSpoilt = () => lane.spoilt && this.#oneAtATime && !this.#destroyed;
    handle.done.then(
      (outcome) => this.#note(lane, outcome),
      () => wasSpoilt() && this.#options.onCut(),
    );
    const free = () => {
      if (lane.busy === busy) lane.busy = undefined;
    };
    const busy: Promise<void> = (this.#oneAtATime ? handle.done : handle.sent).then(free, free);
    lane.busy = busy;
    return handle;
  }

  /** Exchange closes a connection at its third BAD, whatever is under way then (imap-quirks §2.1): none gets a second. */
  #note(lane: Lane, outcome: AppendOutcome): void {
    if (outcome.kind !== 'refused') return;
    lane.refused = true;
    if (outcome.reply === 'NO') return;
    lane.spoilt = true;
    this.#oneAtATime = true;
  }

  /** A fresh connection for a lane, when everything that was sent on the old one has its answer. */
  #replace(lane: Lane): Promise<void> {
    const renew = async () => {
      await lane.channel.close();
      this.#alerts = [...this.#alerts, ...lane.channel.alerts].slice(-alertsKept);
      const channel = await this.#options.again();
      // Whoever dropped the connections meanwhile meant this one too
      if (this.#destroyed) channel.destroy();
      Object.assign(lane, laneOf(channel));
    };
    lane.renewing ??= renew().finally(() => {
      lane.renewing = undefined;
    });
    return lane.renewing;
  }
}

function laneOf(channel: AppendChannel): Lane {
  return { channel, selected: '', busy: undefined, spoilt: false, refused: false, renewing: undefined };
}

function isSpent(lane: Lane): boolean {
  return lane.spoilt || (lane.refused && lane.channel.ended);
}
