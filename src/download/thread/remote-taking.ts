/** Messages that another thread takes into batches: what the session hears of them, and what it has to say. */

import { packRecords } from '../../ledger/record.ts';
import type { NewBatch } from '../../spool/registry.ts';
import type { BatchReceiver } from '../hand-over.ts';
import type { TakeEnd, TakePlan, TakeRequest, Taking } from '../source-client.ts';
import { nothingTaken } from '../taker.ts';
import type { FromSource, Progress, TakenAnswer, TakeOrder, ToSource } from './messages.ts';
import {
  type ErrorParcel,
  packAsked,
  packError,
  unpackAsked,
  unpackError,
  unpackHeaders,
  unpackTaken,
} from './parcels.ts';
import { RequestPump } from './request-pump.ts';

/** Whoever listens to the thread while it works on a call. */
export interface Listener {
  heard(message: FromSource): void;
}

/** One call of `take`. */
export class RemoteTaking implements Taking, Listener {
  received = 0;
  readonly end: Promise<TakeEnd>;
  readonly #pump: RequestPump<TakeRequest>;
  readonly #receiver: BatchReceiver;
  readonly #tell: (message: ToSource) => void;
  readonly #written = new Map<string, NewBatch>();
  #dueOctets = 0;

  /** `call` makes the call, and resolves with its answer; `judge` says what a failure means here. */
  constructor(
    requests: AsyncIterable<TakeRequest>,
    receiver: BatchReceiver,
    tell: (message: ToSource) => void,
    call: (listener: Listener) => Promise<unknown>,
    judge: (error: Error) => unknown,
  ) {
    this.#receiver = receiver;
    this.#tell = tell;
    this.#pump = new RequestPump(requests, (request) => this.#pack(request), tell);
    this.end = call(this).then(
      (answer) => this.#ended(answer as TakenAnswer, judge),
      (error: unknown) => this.#brokenOff(error),
    );
  }

  get dueOctets(): number {
    return this.#dueOctets;
  }

  closeSoon(): void {
    this.#tell({ say: 'close soon' });
  }

  heard(message: FromSource): void {
    switch (message.say) {
      case 'want':
        this.#note(message.progress);
        this.#pump.want(message.count);
        break;
      case 'written':
        this.#written.set(message.batch.batch, message.batch);
        this.#receiver.written(message.batch, message.claimed, unpackHeaders(message.headers));
        break;
      case 'register':
        void this.#register(message.batch);
        break;
      case 'release':
        this.#receiver.release(message.claimed);
        break;
    }
  }

  #pack(request: TakeRequest) {
    this.#dueOctets += request.claimed;
    return { number: request.number, octets: request.octets, asked: packAsked(request) };
  }

  #note({ begun, received }: Progress): void {
    this.received = received;
    for (const { claimed } of this.#pump.noteBegun(begun)) this.#dueOctets -= claimed;
  }

  async #register(name: string): Promise<void> {
    const batch = this.#written.get(name)!;
    this.#written.delete(name);
    const error = await this.#receiver.register(batch).then(() => undefined, packError);
    this.#tell({ say: 'registered', batch: name, error });
  }

  #ended(answer: TakenAnswer, judge: (error: Error) => unknown): TakeEnd {
    this.#pump.end();
    this.#note(answer);
    const failed = (parcel: ErrorParcel | undefined) => parcel && { error: judge(unpackError(parcel)) };
    return {
      taken: unpackTaken(answer.taken),
      due: this.#pump.due,
      current: answer.current && unpackAsked(answer.current),
      failure: this.#pump.failure ?? failed(answer.failure),
      handOverFailure: failed(answer.handOverFailure),
    };
  }

  /** The thread has gone, or could not begin. */
  #brokenOff(error: unknown): TakeEnd {
    this.#pump.end();
    const { due } = this.#pump;
    return { taken: nothingTaken(), due, current: undefined, failure: { error }, handOverFailure: undefined };
  }
}

/** What is taken, in a form that can be cloned. */
export function takeOrder({ directory, owner, limits, run, kind, keepsHeaders, known, renamed }: TakePlan): TakeOrder {
  const { batchMaxMessages, batchMaxBytes, headerMaxBytes } = limits;
  return {
    ...{ directory, owner, run, kind, keepsHeaders },
    limits: { batchMaxMessages, batchMaxBytes, headerMaxBytes },
    // Of what a small buffer shares with others nothing goes along.
    known: known && { records: new Uint8Array(known.ledger.packed), spooled: known.spooled },
    renamed: renamed && packRecords(renamed),
  };
}
