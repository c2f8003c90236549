/**
 * What the two ends of a source's port say to each other. Everything in it can be cloned from thread to thread; nothing
 * holds a slice of a larger buffer, since all of that would be cloned with it.
 */

import type { PopEndpoint, PopSettings } from '../../pop3/endpoint.ts';
import type { PopRequest } from '../../pop3/sink.ts';
import type { NewBatch } from '../../spool/registry.ts';
import type { TakePlan } from '../source-client.ts';
import type { AskedParcel, ErrorParcel, HeadersParcel, TakenParcel } from './parcels.ts';

/** Whom to log in to, and with what habits. */
export interface ConnectOrder {
  readonly endpoint: Omit<PopEndpoint, 'trace'>;
  /** The most characters of a line of the trace; undefined where nobody wants to read it. */
  readonly traceMaxLength: number | undefined;
  readonly settings: PopSettings & { readonly oneAtATime?: boolean; readonly withoutCapa?: boolean };
}

/** What is taken, as it goes to the thread. */
export interface TakeOrder extends Omit<TakePlan, 'known' | 'renamed'> {
  /** Packed records of the ledger, and keys of what is in the spool. */
  readonly known: { readonly records: Uint8Array; readonly spooled: ReadonlySet<string> } | undefined;
  /** Packed records. */
  readonly renamed: Uint8Array | undefined;
}

/** One message that is wanted. */
export interface RequestParcel extends PopRequest {
  readonly asked?: AskedParcel;
}

/** From the session to the thread. Each `call` is answered once, before the next is made. */
export type ToSource =
  | { readonly say: 'call'; readonly what: 'connect'; readonly order: ConnectOrder }
  | { readonly say: 'call'; readonly what: 'list' }
  | { readonly say: 'call'; readonly what: 'look'; readonly maxBytes: number }
  | { readonly say: 'call'; readonly what: 'take'; readonly order: TakeOrder }
  | { readonly say: 'call'; readonly what: 'quit' }
  | { readonly say: 'requests'; readonly requests: readonly RequestParcel[]; readonly over: boolean }
  | { readonly say: 'requests failed'; readonly error: ErrorParcel }
  | { readonly say: 'close soon' }
  | { readonly say: 'registered'; readonly batch: string; readonly error: ErrorParcel | undefined }
  | { readonly say: 'abort'; readonly error: ErrorParcel };

/** How far the answers have come. */
export interface Progress {
  /** Requests whose answers have begun. */
  readonly begun: number;
  /** Bytes of messages that are whole. */
  readonly received: number;
}

/** What a finished `take` tells. */
export interface TakenAnswer extends Progress {
  readonly taken: TakenParcel;
  readonly current: AskedParcel | undefined;
  readonly failure: ErrorParcel | undefined;
  readonly handOverFailure: ErrorParcel | undefined;
}

/** From the thread to the session. */
export type FromSource =
  | { readonly say: 'answer'; readonly value: unknown }
  | { readonly say: 'failed'; readonly error: ErrorParcel }
  | { readonly say: 'capabilities'; readonly capabilities: ReadonlyMap<string, string> }
  | { readonly say: 'learned'; readonly habit: 'withoutCapa' | 'oneAtATime' }
  | { readonly say: 'want'; readonly count: number; readonly progress: Progress }
  | { readonly say: 'header'; readonly header: Uint8Array | undefined }
  | {
      readonly say: 'written';
      readonly batch: NewBatch;
      readonly claimed: number;
      readonly headers: HeadersParcel | undefined;
    }
  | { readonly say: 'register'; readonly batch: string }
  | { readonly say: 'release'; readonly claimed: number }
  | { readonly say: 'trace'; readonly connection: number; readonly fields: object; readonly text: string };

/** What a source that was logged in to tells of itself. */
export interface Connected {
  readonly capabilities: ReadonlyMap<string, string>;
}
