/** One APPEND command, from its first byte to its answer. */
import { MailhaulError } from '../ground/errors.ts';
import { type AppendCommand, type AppendMessage, argumentBytes, literalForm } from './append-command.ts';
import type { Peer } from './classify.ts';
import type { Dialogue, Pending, StatusResponse } from './dialogue.ts';
import type { AppendFeatures } from './features.ts';
import { readAppendUid } from './response.ts';

/** How an APPEND ended. */
export type AppendOutcome =
  | {
      kind: 'stored';
      uidValidity: number | undefined;
      /** In the order of the messages; undefined where the server named none, or not as many as there are messages. */
      uids: number[] | undefined;
    }
  | {
      kind: 'refused';
      reply: 'NO' | 'BAD';
      /** Upper case, such as `TOOBIG`. */
      responseCode: string | undefined;
      text: string;
    };

/** What a run needs to know of its channel. */
export interface RunContext {
  dialogue: Dialogue;
  peer: Peer;
  features: AppendFeatures;
  /** Grows with what the server let come: a size that it took once is not asked for again on this channel. */
  literalSyncBytes: number;
  /** Mailbox names go as UTF-8. */
  utf8: boolean;
}

const CRLF = Buffer.from('\r\n');

/** Sends one command and watches for its answer. */
export class AppendRun implements Pending {
  readonly tag: string;
  readonly #command: AppendCommand;
  readonly #context: RunContext;
  readonly #settle: (outcome: AppendOutcome) => void;
  readonly #reject: (error: Error) => void;
  /** Where the run is: sending messages, all sent but the closing bytes, closed. */
  #phase: 'messages' | 'open' | 'closed' = 'messages';
  #refused = false;

  constructor(
    command: AppendCommand,
    context: RunContext,
    settle: (outcome: AppendOutcome) => void,
    reject: (error: Error) => void,
  ) {
    this.tag = context.dialogue.nextTag();
    this.#command = command;
    this.#context = context;
    this.#settle = settle;
    this.#reject = reject;
  }

  /**
   * Resolves when there is nothing left to send. Rejects with what stopped it, and then the connection is dead and
   * the server has not seen the end of the command.
   */
  async send(): Promise<void> {
    const { dialogue } = this.#context;
    const { wire } = dialogue;
    wire.during = 'APPEND';
    try {
      dialogue.begin(this);
      for (let index = 0; index < this.#command.messages.length && !this.#refused; index++) {
        if (!(await this.#sendMessage(index))) return;
      }
      this.#phase = 'open';
      await wire.flush();
      if (!this.#refused) await this.#command.beforeClosing();
      // A refusal may have come meanwhile: nothing of it is stored.
      if (!this.#refused) this.#command.atClosing?.();
      wire.writeNow(CRLF);
      this.#phase = 'closed';
      dialogue.expectAnswer(this.tag);
    } catch (thrown) {
      dialogue.forget(this.tag);
      const { host, port, user } = this.#context.peer;
      wire.fail(new MailhaulError('connection-lost', { host, port, user, during: 'APPEND' }, thrown));
      this.#reject(thrown as Error);
      throw thrown;
    }
  }

  /** False where the server refused the message before its upload: the command is over, and nothing of it may follow. */
  async #sendMessage(index: number): Promise<boolean> {
    const { dialogue, features, literalSyncBytes, utf8 } = this.#context;
    const message = this.#command.messages[index]!;
    const literal = literalForm(message, features, literalSyncBytes);
    const words = argumentBytes(this.tag, this.#command, index, literal, utf8);
    dialogue.trace?.sent(words);
    await dialogue.wire.write(words);
    if (literal.sync) {
      await dialogue.wire.flush();
      if (!(await dialogue.continuation(this.tag))) return false;
      this.#context.literalSyncBytes = Math.max(literalSyncBytes, message.size);
    }
    await this.#stream(message);
    return true;
  }

  async #stream(message: AppendMessage): Promise<void> {
    const { wire } = this.#context.dialogue;
    let left = message.size;
    for await (const chunk of message.open(wire.buffers)) {
      left -= chunk.length;
      if (left < 0) break;
      await wire.write(chunk);
    }
    // The server would read what follows as part of the message, or the message as commands
    if (left !== 0)
      throw new Error(`a message is ${left < 0 ? 'longer' : 'shorter'} than the ${message.size} bytes announced`);
  }

  onAnswer(response: StatusResponse) {
    const { dialogue, peer } = this.#context;
    if (response.status !== 'OK') {
      this.#refused = true;
      return this.#settle(refusal(response));
    }
    if (this.#phase === 'messages') {
      const reply = 'OK before the message was sent';
      return dialogue.wire.fail(new MailhaulError('protocol-error', { ...peer, during: 'APPEND', reply }));
    }
    // An OK while the command is still open comes from servers that store at the literal's last byte: stored is stored
    const appendUid =
      response.code === 'APPENDUID' ? readAppendUid(response.codeText, this.#command.messages.length) : undefined;
    this.#settle({ kind: 'stored', uidValidity: appendUid?.uidValidity, uids: appendUid?.uids });
  }

  /** Cyrus says BYE to a literal it finds too big and cannot refuse otherwise (imap-quirks §2.1). */
  onBye(response: StatusResponse): boolean {
    if (response.code !== 'TOOBIG') return false;
    this.#refused = true;
    this.#settle(refusal(response));
    return true;
  }

  onFailure(error: Error): void {
    // While it is being sent, send() fails by itself: not before its beforeClosing() has ended
    if (this.#phase === 'closed') this.#reject(new MailhaulError('append-in-doubt', { ...this.#context.peer }, error));
  }
}

function refusal({ status, code, text }: StatusResponse): AppendOutcome {
  return { kind: 'refused', reply: status === 'BAD' ? 'BAD' : 'NO', responseCode: code, text };
}
