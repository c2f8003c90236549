/** Commands and their answers on one wire: tags, order, continuations, deadlines. */
import type { Socket } from 'node:net';
import { MailhaulError, printable } from '../ground/errors.ts';
import { byeError, type Peer, withoutSecrets } from './classify.ts';
import type { ImapTrace } from './imap-trace.ts';
import type { Response } from './response.ts';
import { Wire, type WireLimits } from './wire.ts';

/** A status response. */
export type StatusResponse = Extract<Response, { kind: 'status' }>;

/** A command on its way. */
export interface Pending {
  readonly tag: string;
  /** The tagged answer, once. */
  onAnswer(response: StatusResponse): void;
  onUntagged?(response: Response): void;
  /** The connection ended before the answer, once. */
  onFailure(error: Error): void;
  /** The server said BYE with this code while it worked on the command; true where that is the command's answer. */
  onBye?(response: StatusResponse): boolean;
}

/** The settings of a dialogue. */
export interface DialogueLimits extends WireLimits {
  imapCommandTimeoutMs: number;
}

const ALERTS_KEPT = 20;

/** The order of things on one connection. Several commands may be unanswered at once. */
export class Dialogue {
  readonly wire: Wire;
  /** What the server wants a person to read (RFC 3501 §7.1 ALERT, RFC 5530 OVERQUOTA beside success), the last of them. */
  readonly alerts: string[] = [];
  /** After LOGOUT a BYE is what we asked for. */
  leaving = false;
  /** Where commands and answers are written, if anywhere. */
  readonly trace: ImapTrace | undefined;
  readonly #peer: Peer;
  readonly #commandTimeoutMs: number;
  readonly #pending = new Map<string, Pending>();
  readonly #expecting = new Set<string>();
  #waiting: { tag: string; resolve: (go: boolean) => void } | undefined;
  #watchers: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #tags = 0;
  #answered = false;

  constructor(socket: Socket, peer: Peer, limits: DialogueLimits, trace?: ImapTrace) {
    this.trace = trace;
    this.#peer = peer;
    this.#commandTimeoutMs = limits.imapCommandTimeoutMs;
    this.wire = new Wire(socket, peer, limits, {
      onResponse: (response) => this.#onResponse(response),
      onFailure: (error) => this.#onFailure(error),
    });
  }

  /** A tag that no earlier command had, in a form that imapflow does not use. */
  nextTag(): string {
    return `h${++this.#tags}`;
  }

  /** From now on answers with this tag belong to the command. */
  begin(pending: Pending): void {
    if (this.wire.failure !== undefined) throw this.wire.failure;
    this.#pending.set(pending.tag, pending);
  }

  /** The command is complete: its answer must come within imapCommandTimeoutMs of the server's last. */
  expectAnswer(tag: string): void {
    if (!this.#pending.has(tag)) return;
    this.#expecting.add(tag);
    this.#timer ??= this.#startTimer();
  }

  /** Nobody waits for the answer any more. */
  forget(tag: string): void {
    this.#pending.delete(tag);
    this.#expecting.delete(tag);
  }

  /** Resolves with true at the server's `+`, with false where it answers the command instead. */
  continuation(tag: string): Promise<boolean> {
    if (!this.#pending.has(tag)) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      this.#waiting = { tag, resolve };
      this.#watchers.push(() => {
        if (this.wire.failure !== undefined) reject(this.wire.failure);
      });
      this.expectAnswer(tag);
    });
  }

  /** Commands that have begun and have no answer. */
  get unanswered(): number {
    return this.#pending.size;
  }

  /** Resolves when fewer than `limit` commands are unanswered; rejects when the connection ends first. */
  room(limit: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (this.wire.failure !== undefined) reject(this.wire.failure);
        else if (this.#pending.size < limit) resolve();
        else this.#watchers.push(check);
      };
      check();
    });
  }

  #startTimer(): NodeJS.Timeout {
    return setTimeout(() => this.wire.fail(this.wire.silence(this.#commandTimeoutMs)), this.#commandTimeoutMs);
  }

  #onResponse(response: Response) {
    if (this.#expecting.size > 0) this.#timer?.refresh();
    this.trace?.heard(response);
    switch (response.kind) {
      case 'continuation':
        return this.#onContinuation();
      case 'data':
        return this.#oldest()?.onUntagged?.(response);
      case 'unknown':
        return this.#onStranger(withoutSecrets(this.#peer, response.text));
      case 'status':
        return this.#onStatus({ ...response, text: withoutSecrets(this.#peer, response.text) });
    }
  }

  #onStatus(response: StatusResponse) {
    // RFC 5530 §3: an OVERQUOTA that refuses nothing is a warning
    const warns = response.code === 'OVERQUOTA' && (response.status === 'OK' || response.tag === '*');
    if (response.code === 'ALERT' || warns) this.#keepAlert(response.text);
    if (response.tag !== '*') return this.#onTagged(response);
    if (response.status === 'BYE') return this.#onBye(response);
    return this.#oldest()?.onUntagged?.(response);
  }

  #onContinuation(): void {
    const waiting = this.#waiting;
    // Commands are worked off in order, so this `+` is not ours while an earlier one is unanswered: some servers send
    // it for literals that did not ask (imap-quirks §2.2, MailKit 852), and taking it for ours would have the server
    // read a message as commands if it then refuses
    if (waiting === undefined || this.#oldest()?.tag !== waiting.tag) return;
    this.#waiting = undefined;
    this.#expecting.delete(waiting.tag);
    this.#restTimer();
    waiting.resolve(true);
  }

  #onTagged(response: StatusResponse) {
    const pending = this.#pending.get(response.tag);
    if (pending === undefined || !['OK', 'NO', 'BAD'].includes(response.status)) {
      return this.#onStranger(`${response.tag} ${response.status} ${response.text}`);
    }
    this.#answered = true;
    this.forget(response.tag);
    this.#restTimer();
    pending.onAnswer(response);
    if (this.#waiting?.tag === response.tag) {
      this.#waiting.resolve(false);
      this.#waiting = undefined;
    }
    this.#wake();
  }

  /** Before our first answer it may be the end of a line that imapflow had begun to read; after it the order is lost. */
  #onStranger(text: string): void {
    if (!this.#answered) return;
    this.wire.fail(
      new MailhaulError('protocol-error', { ...this.#peer, during: this.wire.during, reply: printable(text) }),
    );
  }

  #onBye(response: StatusResponse): void {
    if (this.leaving) return;
    const oldest = this.#oldest();
    if (oldest?.onBye?.(response) === true) this.forget(oldest.tag);
    const text = response.code === undefined ? response.text : `[${response.code}] ${response.text}`;
    this.wire.fail(byeError(this.#peer, text, this.wire.during));
  }

  #onFailure(error: Error): void {
    clearTimeout(this.#timer);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const command of pending) command.onFailure(error);
    this.#wake();
  }

  #keepAlert(text: string): void {
    this.alerts.push(printable(text));
    if (this.alerts.length > ALERTS_KEPT) this.alerts.shift();
  }

  #oldest(): Pending | undefined {
    return this.#pending.values().next().value;
  }

  #restTimer(): void {
    if (this.#expecting.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wake(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}
