/** Our own protocol on a logged-in socket: it appends as fast as server and network allow (decision 0003). */
import { type AppendCommand, assertAppendable } from './append-command.ts';
import { type AppendOutcome, AppendRun, type RunContext } from './append-run.ts';
import { socketError } from './classify.ts';
import { Dialogue } from './dialogue.ts';
import { abortError, type ImapEndpoint, type ImapOptions, type OpenDoor, openDoor } from './door.ts';
import { farewell } from './farewell.ts';
import { type AppendFeatures, appendFeatures, isRev2Only } from './features.ts';
import { exchange, type Selected, selectMailbox } from './select.ts';
import { takeOver } from './takeover.ts';

/** The two moments of a command that is under way. */
export interface AppendHandle {
  /** The closing bytes are in the socket, or the server refused before the upload; rejects where it never came so far. */
  sent: Promise<void>;
  /**
   * The server's answer. Rejects with `append-in-doubt` where the closing bytes had gone and no answer came; any other
   * error means that nothing of the command was stored.
   */
  done: Promise<AppendOutcome>;
}

/** A connection that only selects and appends. Calls may overlap: they take effect in the order they were made. */
export class AppendChannel {
  /** Upper case. */
  readonly capabilities: ReadonlySet<string>;
  readonly features: AppendFeatures;
  readonly #dialogue: Dialogue;
  readonly #context: RunContext;
  readonly #options: ImapOptions;
  #turn: Promise<unknown> = Promise.resolve();
  #introduced = false;
  #unguard: () => void = () => {};

  /** Connects, logs in and takes the socket over. Throws MailhaulError. */
  static async open(endpoint: ImapEndpoint, options: ImapOptions): Promise<AppendChannel> {
    return new AppendChannel(await openDoor(endpoint, { ...options, onlyAppends: true }), options);
  }

  private constructor(door: OpenDoor, options: ImapOptions) {
    const { peer, capabilities, trace } = door;
    this.capabilities = capabilities;
    this.features = appendFeatures(capabilities);
    this.#options = options;
    this.#dialogue = new Dialogue(takeOver(door), peer, options, trace);
    this.#context = {
      dialogue: this.#dialogue,
      peer,
      features: this.features,
      literalSyncBytes: options.literalSyncBytes,
      utf8: isRev2Only(capabilities),
    };
    this.#dialogue.wire.onEnd = () => this.#unguard();
    if (options.signal) this.#guardBy(options.signal);
  }

  /** From now on this signal ends it, and no other; what the server said to be shown was for whoever had it before. */
  handOn(signal: AbortSignal): void {
    this.#unguard();
    this.#dialogue.alerts.length = 0;
    this.#guardBy(signal);
  }

  /** Asks the server for a sign of life. Never throws. */
  alive(): Promise<boolean> {
    return this.#inTurn(async () => {
      await this.#dialogue.room(1);
      return (await exchange(this.#dialogue, Buffer.from('NOOP'))).answer.status === 'OK';
    }).catch(() => false);
  }

  /** Whether the server forces a wait on each message, so that more connections help. */
  get roundTripPerMessage(): boolean {
    return this.features.literal !== 'plus';
  }

  /** What the server asked to be shown to a person (`[ALERT]`). */
  get alerts(): readonly string[] {
    return this.#dialogue.alerts;
  }

  /** Commands whose answers are still to come. */
  get unanswered(): number {
    return this.#dialogue.unanswered;
  }

  /** Bytes that the system has taken for the server: they grow while the server reads. */
  get taken(): number {
    return this.#dialogue.wire.taken;
  }

  /** True when the connection is gone. */
  get ended(): boolean {
    return this.#dialogue.wire.failure !== undefined;
  }

  /** Selects a mailbox, after every earlier command was answered. Throws MailhaulError. */
  select(path: string): Promise<Selected> {
    return this.#inTurn(async () => {
      await this.#dialogue.room(1);
      this.#introduce();
      return selectMailbox(this.#dialogue, this.#context.peer, path, this.#context.utf8);
    });
  }

  /** Queues a command: it is sent when those before it are in the socket and fewer than appendPipelineCommands wait. */
  append(command: AppendCommand): AppendHandle {
    let settle!: (outcome: AppendOutcome) => void;
    let reject!: (error: Error) => void;
    const done = new Promise<AppendOutcome>((resolve, fail) => {
      settle = resolve;
      reject = fail;
    });
    const sent = this.#inTurn(async () => {
      try {
        assertAppendable(command, this.features);
        await this.#dialogue.room(this.#options.appendPipelineCommands);
        await new AppendRun(command, this.#context, settle, reject).send();
      } catch (thrown) {
        // After the answer this does nothing
        reject(thrown as Error);
        throw thrown;
      }
    });
    // Whoever looks at one of the two has seen the error of both
    done.catch(() => {});
    sent.catch(() => {});
    return { sent, done };
  }

  /** Waits for what was sent, says LOGOUT, and closes the socket, whatever the server answers. Never throws. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#dialogue.room(1);
      this.#dialogue.leaving = true;
      await farewell(exchange(this.#dialogue, Buffer.from('LOGOUT')), this.#options.imapCommandTimeoutMs);
    }).catch(() => {});
    this.destroy();
  }

  /** Ends the connection at once. What was closed and not answered is in doubt, the rest was not stored. */
  destroy(): void {
    this.#dialogue.wire.fail(socketError(this.#context.peer, 'a stop that was asked for'));
  }

  /** RFC 2971. The SELECT behind it need not wait for its answer, nor does anybody: whoever wants no ID may refuse it. */
  #introduce(): void {
    if (this.#introduced || !this.capabilities.has('ID')) return;
    this.#introduced = true;
    exchange(this.#dialogue, Buffer.from('ID ("name" "mailhaul")')).catch(() => {});
  }

  #guardBy(signal: AbortSignal): void {
    const onAbort = () => this.#dialogue.wire.fail(abortError(signal, this.#context.peer));
    this.#unguard = () => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

export type { AppendCommand, AppendMessage } from './append-command.ts';
export type { AppendOutcome } from './append-run.ts';
export type { AppendFeatures } from './features.ts';
export type { Selected, SelectedMailbox } from './select.ts';
