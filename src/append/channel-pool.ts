/**
 * The append channels of one session: one, which is enough where commands can be pipelined, a second one to a server that is
 * slower than the line (decision 0024), and more where the server forces a round trip on each message (design §7).
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
import { CommandOrder } from './command-order.ts';
import { isGone, isSpent, isWorn, type Lane, laneOf } from './lane.ts';
import { ServerPace } from './server-pace.ts';

/** How connections are opened; what they throw is thrown on. And what is known of the server. */
export interface PoolOptions {
  /** In the place of one that was closed. */
  readonly again: () => Promise<AppendChannel>;
  /** One more; undefined where there is none to spare. */
  readonly another: () => Promise<AppendChannel | undefined>;
  /** A second one to a server that is slower than the line; undefined where there is to be none. */
  readonly beside: () => Promise<AppendChannel | undefined>;
  /** Most connections, where each message costs a round trip. */
  readonly max: number;
  readonly peer: { host: string; user: string };
  /** Whether each command waits for the answer of the one before it on its connection. */
  readonly oneAtATime: boolean;
  /** The server ended a connection for its BADs, with other commands under way. */
  readonly onCut: () => void;
  /** How long one command may keep another one waiting without a sign of life; less than usual in tests. */
  readonly stuckAfterMs?: number;
}

const alertsKept = 20;

/** Channels that append side by side. Messages keep their order, but where each costs a round trip. */
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
  #closing = false;
  #besideAsked = false;
  /** Settles when there is a second connection, or none. */
  #opening: Promise<void> | undefined;
  #lastOn: AppendChannel | undefined;
  readonly #pace = new ServerPace();
  readonly #order: CommandOrder;

  constructor(first: AppendChannel, options: PoolOptions) {
    this.#options = options;
    this.#lanes = [laneOf(first)];
    this.#max = first.roundTripPerMessage ? options.max : 1;
    this.#oneAtATime = options.oneAtATime;
    this.#order = new CommandOrder(() => this.#retire(), options.stuckAfterMs);
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
    return this.#selectOn(lane, path);
  }

  /** Hands a command to a free channel, waiting for one; resolves when the channel has it. Throws MailhaulError. */
  async append(command: AppendCommand): Promise<AppendHandle> {
    return this.#onLane(command.path, (lane) => this.#send(lane, command));
  }

  /** The first channel, where it is as good as new and the others are no worse. */
  get spare(): AppendChannel | undefined {
    if (this.#oneAtATime || this.#destroyed || this.#lanes.some(isWorn)) return undefined;
    return this.first.ended ? undefined : this.first;
  }

  /** Logs out of every channel, but for one that somebody else goes on with. */
  async close(but?: AppendChannel): Promise<void> {
    this.#closing = true;
    const others = this.#lanes.map(({ channel }) => channel).filter((channel) => channel !== but);
    await Promise.allSettled(others.map((channel) => channel.close()));
  }

  /** Drops every channel. */
  destroy(): void {
    this.#destroyed = true;
    for (const { channel } of this.#lanes) channel.destroy();
  }

  /** Uses a free lane that has the mailbox selected, without a moment in between. Looked at again after each wait: others send and select meanwhile. */
  async #onLane<T>(path: string, use: (lane: Lane) => T): Promise<T> {
    for (;;) {
      if (this.first.unanswered > 0) this.#opening ??= this.#openBeside(path);
      const lane = this.#free(path);
      if (!lane) await this.#freeLane(path);
      else if (!this.#destroyed && isSpent(lane)) await this.#replace(lane);
      else if (lane.selected === path) return use(lane);
      else await this.#select(lane, path);
    }
  }

  /** A lane that is free: of those that have the mailbox selected the one with the least to do, or else the first. */
  #free(path: string): Lane | undefined {
    const isOfUse = (lane: Lane) => !lane.retired && !isGone(lane) && (this.#max > 1 || this.#pace.isSlow);
    const free = this.#lanes.filter((lane, at) => lane.busy === undefined && (at === 0 || isOfUse(lane)));
    const ready = free.filter(({ selected }) => selected === path);
    return ready.sort((a, b) => a.channel.unanswered - b.channel.unanswered)[0] ?? free[0];
  }

  async #select(lane: Lane, path: string): Promise<void> {
    const selected = await this.#selectOn(lane, path);
    if (selected.missing)
      throw new MailhaulError('server-unavailable', { ...this.#options.peer, reply: selected.text });
  }

  async #selectOn(lane: Lane, path: string): Promise<Selected> {
    const { channel } = lane;
    const begunAt = performance.now();
    const selected = await channel.select(path);
    this.#pace.noteRoundTrip(performance.now() - begunAt);
    if (!selected.missing && lane.channel === channel) lane.selected = path;
    return selected;
  }

  async #freeLane(path: string): Promise<void> {
    while (!this.#free(path)) {
      if (this.#lanes.length < this.#max) await this.#addLane();
      else {
        const busy = this.#lanes.flatMap((lane) => (lane.retired || !lane.busy ? [] : [lane.busy]));
        await Promise.race(this.#opening ? [...busy, this.#opening] : busy);
      }
    }
  }

  /**
   * A second connection for what comes next, while the first goes on; asked for once in a session. Only where commands are of
   * many messages: each that does not follow its predecessor on the same connection costs a round trip.
   */
  #openBeside(path: string): Promise<void> | undefined {
    const isPossible = this.features.multiAppend && !this.first.roundTripPerMessage;
    if (this.#besideAsked || !isPossible || !this.#pace.wantsSecond(this.first.unanswered)) return undefined;
    this.#besideAsked = true;
    const opened = this.#addBeside(path).catch(() => {});
    return opened.finally(() => {
      this.#opening = undefined;
    });
  }

  async #addBeside(path: string): Promise<void> {
    const channel = await this.#options.beside();
    if (!channel) return;
    const lane = laneOf(channel);
    const selected = await this.#selectOn(lane, path).catch(() => undefined);
    if (!selected || selected.missing || this.#destroyed || this.#closing) channel.destroy();
    else this.#lanes.push(lane);
  }

  /** All that follows goes over the first channel. */
  #retire(): void {
    for (const lane of this.#lanes.slice(1)) lane.retired = true;
  }

  /** One more connection; a server that gives none is not asked again in this session. */
  async #addLane(): Promise<void> {
    const channel = await this.#options.another().catch(() => undefined);
    if (channel) this.#lanes.push(laneOf(channel));
    else this.#max = this.#lanes.length;
  }

  #send(lane: Lane, command: AppendCommand): AppendHandle {
    const begunAt = performance.now();
    const inOrder = !this.first.roundTripPerMessage;
    const handle = inOrder ? this.#order.give(lane.channel, command) : lane.channel.append(command);
    const isOnSame = this.#lastOn === lane.channel;
    this.#lastOn = lane.channel;
    const wasSpoilt = () => lane.spoilt && this.#oneAtATime && !this.#destroyed;
    handle.done.then(
      (outcome) => {
        // What follows one on the other connection waits for the line, too: that says nothing of the server.
        this.#pace.noteAnswer(isOnSame ? begunAt : Number.POSITIVE_INFINITY, performance.now());
        this.#note(lane, outcome);
      },
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
