/** The source, read only: one session under the source's lease that lists, reads headers, and content where it is asked. */
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { countedLogin } from '../limits/credentials.ts';
import { isOneAtATime } from '../limits/hosts.ts';
import { Lease, loginKey } from '../limits/lease.ts';
import { PopClient } from '../pop3/client.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { PopRequest, PopSink } from '../pop3/retrieve.ts';
import { ContentReader, type Contents, type HeaderMarks, headerMarks } from './contents.ts';

/** What both sides need. */
export interface VerifyContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  /** Ends the work: whatever waits rejects. */
  readonly signal: AbortSignal;
  /** Asks the source one command at a time, whatever it announces. */
  readonly oneAtATime: boolean;
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

/** Opens a session for `work` and ends it without a trace. Throws MailhaulError. */
export async function withSource<T>(
  endpoint: PopEndpoint,
  context: VerifyContext,
  work: (session: SourceSession) => Promise<T>,
): Promise<T> {
  const lease = await Lease.take(context.redis, loginKey('pop', endpoint), context.settings.leaseMs);
  if (!lease) {
    const reply = 'another session of Mailhaul uses it now';
    throw new MailhaulError('account-busy', { host: endpoint.host, user: endpoint.user, reply });
  }
  try {
    const client = await open(endpoint, lease, context);
    const session = new Session(client, context.settings.headerMaxBytes);
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
  } catch (error) {
    // The reason of a stop comes out of what it stopped, and is no fault.
    if (!context.signal.aborted || error instanceof MailhaulError) throw error;
    throw new MailhaulError('connection-lost', { host: endpoint.host, during: 'a stop that was asked for' }, error);
  } finally {
    await lease.release();
  }
}

async function open(endpoint: PopEndpoint, lease: Lease, context: VerifyContext): Promise<PopClient> {
  const { redis, settings, signal } = context;
  const oneAtATime = context.oneAtATime || (await isOneAtATime(redis, endpoint.host, endpoint.port));
  const either = AbortSignal.any([lease.lost, signal]);
  return countedLogin(redis, lease.login, endpoint, settings.credentialTries, () =>
    PopClient.connect(endpoint, { ...settings, oneAtATime, signal: either }),
  );
}

class Session implements SourceSession {
  readonly #client: PopClient;
  readonly #headerMaxBytes: number;
  /** True when the content of a message was asked for. */
  retrieved = false;

  constructor(client: PopClient, headerMaxBytes: number) {
    this.#client = client;
    this.#headerMaxBytes = headerMaxBytes;
  }

  list(): Promise<MaildropListing> {
    return this.#client.list();
  }

  readHeaders(listing: MaildropListing, wanted: Iterable<number>, take: TakeHeader): Promise<number[]> {
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
    await this.#client.fetch(asked, sink);
    return sink.refusedPlaces;
  }

  #marks(reader: ContentReader): HeaderMarks {
    return headerMarks(reader.header, this.#headerMaxBytes);
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
    this.#reader.push(chunk);
  }

  end(): void {
    this.#take(this.#place, this.#reader);
  }

  refused(request: PopRequest): void {
    this.refusedPlaces.push((request as PlacedRequest).place);
  }
}
