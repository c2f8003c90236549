/** Giving up messages that the destination does not take, and seeing when more than the messages is wrong. */
import { MailhaulError } from '../ground/errors.ts';
import type { Batch } from './batch.ts';
import type { OpenMailbox } from './destination.ts';
import { indexRecordOf } from './items.ts';
import { type RefusingContext, refuse } from './refuse.ts';
import { answerText, type GivenUp, reasonOf } from './refused-text.ts';

/** A message that is given up, and where it was to go. */
export interface Unwanted extends Omit<GivenUp, 'file' | 'quota'> {
  readonly batch: Batch;
  readonly mailbox: OpenMailbox;
  /** How many messages the session had stored when it was refused first. */
  readonly storedBefore: number;
}

/** What giving up works with. */
export interface GivingUpContext extends RefusingContext {
  readonly user: string;
}

/** The given-up messages of one session. */
export class GivingUp {
  readonly #context: GivingUpContext;
  #stored = 0;
  /** Given up one after the other, with nothing stored since the first of them was refused. */
  #row = 0;

  constructor(context: GivingUpContext) {
    this.#context = context;
  }

  /** How many messages the session has stored. */
  get stored(): number {
    return this.#stored;
  }

  /** Messages were stored: the server takes some. */
  noteStored(count: number): void {
    this.#stored += count;
    this.#row = 0;
  }

  /** Settles a message as refused. Throws `refusals-in-a-row`, and then it is not settled. */
  async giveUp({ batch, mailbox, storedBefore, ...unwanted }: Unwanted): Promise<void> {
    const { host, user, settings, destination } = this.#context;
    const { item, answer, verdict } = unwanted;
    // Size is a matter of the message alone
    const lasting = verdict.code === 'message-too-big' || this.#stored !== storedBefore;
    this.#row = lasting ? 0 : this.#row + 1;
    if (this.#row >= settings.refusalsInARow) {
      throw new MailhaulError('refusals-in-a-row', { host, user, count: this.#row, reply: answerText(answer) });
    }
    const reason = await reasonOf(host, {
      ...unwanted,
      file: batch.file,
      quota: await destination.quotas.text(mailbox.path),
    });
    await mailbox.index.drop([indexRecordOf(item, 0)]);
    await refuse(this.#context, batch, item, reason);
  }
}
