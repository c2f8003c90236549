/** The source, read only: one session under the source's lease that lists, reads headers, and content where it is asked. */

import { countedLogin } from '../limits/credentials.ts';
import { popHabits } from '../limits/hosts.ts';
import type { Lease } from '../limits/lease.ts';
import { inSourceTurn } from '../limits/look.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import type { TurnContext } from '../limits/turn.ts';
import type { FingerprintKind } from '../message/fingerprint.ts';
import { PopClient } from '../pop3/client.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { PopRequest, PopSink } from '../pop3/sink.ts';
import { ContentReader, type Contents, type HeaderMarks, headerMarks } from './contents.ts';
import { Pace } from './pace.ts';

/** What both sides need. */
export interface VerifyContext extends TurnContext {
  /** Asks the source one command at a time, whatever it announces. */
  readonly oneAtATime: boolean;
  /** Asks for whole messages where headers would do: TOP does harm at this source. */
  readonly topForbidden?: boolean;
  /** What nominates a message of the destination as one of the source: all four fields where it is not given. */
  readonly kind?: FingerprintKind;
}

/** One open session. */
export interface SourceSession {
  list(): Promise<MaildropListing>;
  /** Headers (TOP) of messages of a listing. Returns those that the server does not hand out. */
  readHeaders(listing: MaildropListing, wanted: Iterable<number>, take: TakeHeader): Promise<number[]>;
  /** Headers and content (RETR) of messages of a listing. Returns those that the server does not hand out. */
  readMessages(listing: MaildropListing, wanted: Iterable<number>, take: TakeMessage): Promise<number[]>;
}

/** Gets the marks of the message at a place of the listing. */
export type TakeHeader = (place: number, marks: HeaderMarks) => void;
/** The same with the digests of its content. */
export type TakeMessage = (place: number, marks: HeaderMarks, contents: Contents) => void;

/**
 * Opens a session for `work` when its host has a connection for it, and ends it without a trace. `held` is a budget
 * that has a connection of this host to spare. Throws MailhaulError.
 */
export async function withSource<T>(
  endpoint: PopEndpoint,
  context: VerifyContext,
  work: (session: SourceSession) => Promise<T>,
  held?: SessionBudget,
): Promise<T> {
  return inSourceTurn(
    endpoint,
    context,
    async (turn) => {
      const connect = () => open(endpoint, turn.lease, context);
      const client = await (held ? turn.budget.loginAgain(connect) : turn.budget.login(connect));
      const session = new Session(client, turn.budget, context);
      try {
        const result = await work(session);
        // Promise 1: servers such as Gmail hide what was fetched once a session ends with QUIT.
        if (session.retrieved) client.destroy();
        else await client.quit();
        return result;
      } catch (error) {
        client.destroy();
        throw error;
      }
    },
    held,
  );
}

async function open(endpoint: PopEndpoint, lease: Lease, context: VerifyContext): Promise<PopClient> {
  const { redis, settings, signal } = context;
  const habits = await popHabits(redis, endpoint.host, endpoint.port);
  const oneAtATime = context.oneAtATime || habits.oneAtATime;
  const either = AbortSignal.any([lease.lost, signal]);
  return countedLogin(redis, lease.login, endpoint, settings.credentialTries, (fresh) =>
    PopClient.connect(fresh, { ...settings, ...habits, oneAtATime, signal: either }),
  );
}

class Session implements SourceSession {
  readonly #client: PopClient;
  readonly #budget: SessionBudget;
  readonly #context: VerifyContext;
  /** True when the content of a message was asked for. */
  retrieved = false;

  constructor(client: PopClient, budget: SessionBudget, context: VerifyContext) {
    this.#client = client;
    this.#budget = budget;
    this.#context = context;
  }

  list(): Promise<MaildropListing> {
    return this.#client.list();
  }

  readHeaders(listing: MaildropListing, wanted: Iterable<number>, take: TakeHeader): Promise<number[]> {
    if (this.#context.topForbidden) return Promise.resolve([...wanted]);
    return this.#read(requests(listing, wanted, true), (place, reader) => take(place, this.#marks(reader)));
  }

  readMessages(listing: MaildropListing, wanted: Iterable<number>, take: TakeMessage): Promise<number[]> {
    this.retrieved = true;
    return this.#read(requests(listing, wanted, false), (place, reader) => {
      const marks = this.#marks(reader);
      take(place, marks, reader.end());
    });
  }

  async #read(asked: AsyncIterable<PlacedRequest>, take: (place: number, reader: ContentReader) => void) {
    const sink = new ReadingSink(take);
    const pace = new Pace(this.#budget, this.#context, sink);
    await this.#client.fetch(this.#budget.limited ? pace.of(asked) : asked, sink);
    await pace.settle();
    return sink.refusedPlaces;
  }

  #marks(reader: ContentReader): HeaderMarks {
    const { settings, kind } = this.#context;
    return headerMarks(reader.header, settings.headerMaxBytes, kind);
  }
}

interface PlacedRequest extends PopRequest {
  place: number;
}

async function* requests(
  listing: MaildropListing,
  wanted: Iterable<number>,
  headersOnly: boolean,
): AsyncGenerator<PlacedRequest> {
  for (const place of wanted) {
    yield { place, number: listing.number(place), octets: Math.max(0, listing.octets(place)), headersOnly };
  }
}

class ReadingSink implements PopSink {
  readonly refusedPlaces: number[] = [];
  /** Bytes of all messages so far. */
  received = 0;
  readonly #take: (place: number, reader: ContentReader) => void;
  #place = 0;
  #reader = new ContentReader();

  constructor(take: (place: number, reader: ContentReader) => void) {
    this.#take = take;
  }

  start(request: PopRequest): void {
    this.#place = (request as PlacedRequest).place;
    this.#reader = new ContentReader();
  }

  data(chunk: Buffer): void {
    this.received += chunk.length;
    this.#reader.push(chunk);
  }

  end(): void {
    this.#take(this.#place, this.#reader);
  }

  refused(request: PopRequest): void {
    this.refusedPlaces.push((request as PlacedRequest).place);
  }
}
