/** Giving up messages that the destination does not take, and seeing when more than the messages is wrong. */
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import type { Batch } from './batch.ts';
import type { Destination, OpenMailbox } from './destination.ts';
import { describeItem, indexRecordOf, settlementOf } from './items.ts';
import { answerText, type GivenUp, reasonOf } from './refused-text.ts';

/** A message that is given up, and where it was to go. */
export interface Unwanted extends Omit<GivenUp, 'file' | 'quota'> {
  readonly batch: Batch;
  readonly mailbox: OpenMailbox;
  /** How many messages the session had stored when it was refused first. */
  readonly storedBefore: number;
}

/** What giving up works with. */
export interface GivingUpContext {
  readonly settings: Settings;
  readonly destination: Destination;
  readonly host: string;
  readonly user: string;
  readonly scope: { readonly run: number };
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
    const { host, user, settings, scope, destination } = this.#context;
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
    const nowhere = { mailbox: '', mailboxNumber: 0, uid: 0 };
    const about = await describeItem(item, batch.file, settings);
    await batch.settle([settlementOf(item, 'refused', scope.run, nowhere, { ...reason, about })]);
  }
}
