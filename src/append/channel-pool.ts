/**
 * The append channels of one session: one, which is enough where commands can be pipelined, and more where the server
 * forces a round trip on each message (design §7).
 */
import { MailhaulError } from '../ground/errors.ts';
import type { AppendChannel, AppendCommand, AppendFeatures, AppendHandle } from '../imap/append-channel.ts';

interface Lane {
  readonly channel: AppendChannel;
  /** The mailbox that is selected. */
  selected: string;
  /** Settles when the command that is being written is in the socket; undefined while the lane is free. */
  busy: Promise<void> | undefined;
}

/** Channels that append side by side. Messages on one channel keep their order; those on several need not. */
export class ChannelPool {
  readonly #lanes: Lane[];
  readonly #openAnother: () => Promise<AppendChannel | undefined>;
  readonly #peer: { host: string; user: string };
  #max: number;

  constructor(
    first: AppendChannel,
    openAnother: () => Promise<AppendChannel | undefined>,
    max: number,
    peer: { host: string; user: string },
  ) {
    this.#peer = peer;
    this.#lanes = [{ channel: first, selected: '', busy: undefined }];
    this.#openAnother = openAnother;
    this.#max = first.roundTripPerMessage ? max : 1;
  }

  /** The channel that looks at mailboxes first. */
  get first(): AppendChannel {
    return this.#lanes[0]!.channel;
  }

  get features(): AppendFeatures {
    return this.first.features;
  }

  /** Notes what is selected on the first channel. */
  noteSelected(path: string): void {
    this.#lanes[0]!.selected = path;
  }

  /** Hands a command to a free channel, waiting for one; resolves when the channel has it. Throws MailhaulError. */
  async append(command: AppendCommand): Promise<AppendHandle> {
    const lane = await this.#freeLane();
    if (lane.selected !== command.path) {
      const selected = await lane.channel.select(command.path);
      if (selected.missing) {
        throw new MailhaulError('server-unavailable', { ...this.#peer, reply: selected.text });
      }
      lane.selected = command.path;
    }
    const handle = lane.channel.append(command);
    const free = () => {
      if (lane.busy === busy) lane.busy = undefined;
    };
    const busy: Promise<void> = handle.sent.then(free, free);
    lane.busy = busy;
    return handle;
  }

  /** Logs out of every channel. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#lanes.map(({ channel }) => channel.close()));
  }

  /** Drops every channel. */
  destroy(): void {
    for (const { channel } of this.#lanes) channel.destroy();
  }

  async #freeLane(): Promise<Lane> {
    for (;;) {
      const free = this.#lanes.find((lane) => lane.busy === undefined);
      if (free) return free;
      if (this.#lanes.length < this.#max) await this.#addLane();
      else await Promise.race(this.#lanes.map((lane) => lane.busy));
    }
  }

  /** One more connection; a server that gives none is not asked again in this session. */
  async #addLane(): Promise<void> {
    const channel = await this.#openAnother().catch(() => undefined);
    if (channel) this.#lanes.push({ channel, selected: '', busy: undefined });
    else this.#max = this.#lanes.length;
  }
}
