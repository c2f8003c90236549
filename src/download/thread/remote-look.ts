/** A look at the beginnings of messages that another thread fetches. */
import type { PopRequest } from '../../pop3/sink.ts';
import type { TakeHeader } from '../header-sink.ts';
import type { FromSource, ToSource } from './messages.ts';
import { asBuffer } from './parcels.ts';
import { RequestPump } from './request-pump.ts';

/** One call of `look`. */
export class RemoteLook {
  readonly #pump: RequestPump<PopRequest>;
  readonly #take: TakeHeader;

  constructor(requests: AsyncIterable<PopRequest>, take: TakeHeader, tell: (message: ToSource) => void) {
    this.#take = take;
    this.#pump = new RequestPump(
      requests,
      ({ number, octets, headersOnly = false }) => ({ number, octets, headersOnly }),
      tell,
    );
  }

  /** What making the requests or taking the headers failed with. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#pump.failure;
  }

  heard(message: FromSource): void {
    if (message.say === 'want') this.#pump.want(message.count);
    if (message.say !== 'header') return;
    this.#pump.begin();
    try {
      this.#take(message.header && asBuffer(message.header));
    } catch (error) {
      this.#pump.fail(error);
    }
  }

  /** The call has ended. */
  end(): void {
    this.#pump.end();
  }
}
