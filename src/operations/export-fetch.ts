/** Fetches messages that did not arrive from their source once more, reading only, into the directory of an export. */
import { openWithin } from '../download/pace.ts';
import { pick } from '../download/pick.ts';
import { untilStopped } from '../download/stoppable.ts';
import { MailhaulError } from '../ground/errors.ts';
import { keyBytes, uidlKey } from '../ledger/record.ts';
import type { RegisteredMessage } from '../ledger/registry.ts';
import { LedgerTable } from '../ledger/table.ts';
import { rememberOneAtATime } from '../limits/hosts.ts';
import { inSourceTurn, type SourceTurn } from '../limits/look.ts';
import type { TurnContext } from '../limits/turn.ts';
import { PopClient } from '../pop3/client.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { PopRequest, PopSink } from '../pop3/sink.ts';
import { Pace } from '../verify/pace.ts';
import type { ExportFolder, ExportPart } from './export-folder.ts';

/** One message of an export, and what became of it. */
export interface ExportItem {
  readonly message: RegisteredMessage;
  /** What its file name begins with. */
  readonly number: string;
  /** Its file; empty while it has none. */
  file: string;
  /** Of the file where there is one, else as the ledger knows them. */
  size: number;
  sha256: string;
  /** Why it has no file, or what is peculiar about it. */
  note: string;
}

/** The file of a message: told from others by the first 12 digits of its SHA-256. */
export function exportFileName({ number }: ExportItem, sha256: string): string {
  return `${number}-${sha256.slice(0, 12)}.eml`;
}

/**
 * Fetches the items that the source still lists; `gone` is what is said of the others. The session ends without QUIT,
 * so that nothing is hidden that was fetched (promise 1). Throws MailhaulError; files that are whole stay.
 */
export function fetchItems(
  endpoint: PopEndpoint,
  items: readonly ExportItem[],
  folder: ExportFolder,
  context: TurnContext,
  gone: string,
): Promise<void> {
  return inSourceTurn(endpoint, context, (turn) => inSession(endpoint, items, folder, { ...context, turn }, gone));
}

async function inSession(
  endpoint: PopEndpoint,
  items: readonly ExportItem[],
  folder: ExportFolder,
  context: TurnContext & { readonly turn: SourceTurn },
  gone: string,
): Promise<void> {
  const { redis, signal, turn } = context;
  const client = await openWithin(turn.budget, endpoint, turn.lease, context, PopClient.connect);
  const sink = new FileSink(folder);
  try {
    await untilStopped(client, signal, async () => {
      const listing = await client.list();
      const { named, byContent, anonymous } = look(listing, items, gone);
      sink.byContent = byContent;
      if (named.length + byContent.size === 0) return client.quit();
      const asked = requests(listing, named, anonymous, byContent);
      const pace = new Pace(turn.budget, context, sink);
      await client.fetch(turn.budget.limited ? pace.of(asked) : asked, sink);
      await pace.settle();
    });
  } catch (error) {
    if (error instanceof MailhaulError && error.code === 'pipelining-broken') {
      await rememberOneAtATime(redis, endpoint.host, endpoint.port);
    }
    throw error;
  } finally {
    await sink.abandon();
  }
}

/** What is to be asked for. */
interface Plan {
  readonly named: readonly { readonly place: number; readonly item: ExportItem }[];
  /** Items without a unique id of their own, by the SHA-256 of their content. */
  readonly byContent: Map<string, ExportItem[]>;
  /** Places of messages without a unique id of their own. */
  readonly anonymous: readonly number[];
}

function look(listing: MaildropListing, items: readonly ExportItem[], gone: string): Plan {
  const { keys, hasOwnUidl } = pick(listing, new LedgerTable(Buffer.alloc(0)), new Set(), 0);
  const wanted = new Map(items.map((item) => [item.message.key, item]));
  const named: { place: number; item: ExportItem }[] = [];
  const anonymous: number[] = [];
  for (const item of items) item.note = gone;
  for (let place = 0; place < listing.length; place += 1) {
    if (!hasOwnUidl(place)) anonymous.push(place);
    else {
      const item = wanted.get(keys.toString('hex', place * keyBytes, (place + 1) * keyBytes));
      if (item?.message.fate === 'hidden') item.note = 'the source lists it again: the next run brings it';
      else if (item) named.push({ place, item });
    }
  }
  const byContent = new Map<string, ExportItem[]>();
  for (const item of anonymous.length > 0 ? items : []) {
    const { uidl, sha256, key } = item.message;
    const own = uidl !== '' && uidlKey(Buffer.from(uidl, 'latin1')).toString('hex') === key;
    if (!own && sha256 !== '') byContent.set(sha256, [...(byContent.get(sha256) ?? []), item]);
  }
  return { named, byContent, anonymous };
}

interface ItemRequest extends PopRequest {
  /** Undefined where the content has to tell which it is. */
  readonly item: ExportItem | undefined;
}

async function* requests(
  listing: MaildropListing,
  named: Plan['named'],
  anonymous: Plan['anonymous'],
  byContent: Plan['byContent'],
): AsyncGenerator<ItemRequest> {
  const request = (place: number, item: ExportItem | undefined): ItemRequest => {
    return { number: listing.number(place), octets: Math.max(0, listing.octets(place)), item };
  };
  for (const { place, item } of named) yield request(place, item);
  for (const place of anonymous) {
    if (byContent.size === 0) return;
    yield request(place, undefined);
  }
}

/** Writes messages into files as they come. */
class FileSink implements PopSink {
  /** Bytes of all messages so far. */
  received = 0;
  byContent = new Map<string, ExportItem[]>();
  readonly #folder: ExportFolder;
  #item: ExportItem | undefined;
  #part: ExportPart | undefined;

  constructor(folder: ExportFolder) {
    this.#folder = folder;
  }

  async start(request: PopRequest): Promise<void> {
    this.#item = (request as ItemRequest).item;
    this.#part = await this.#folder.begin();
  }

  data(chunk: Buffer): Promise<void> {
    this.received += chunk.length;
    return this.#part!.write(chunk);
  }

  async end(): Promise<void> {
    const part = this.#part!;
    const sha256 = part.digest();
    const items = this.#item ? [this.#item] : (this.byContent.get(sha256) ?? []);
    if (items.length === 0) await part.drop();
    else
      await part.keep(
        items.map((item) => exportFileName(item, sha256)),
        sha256,
      );
    this.#part = undefined;
    this.byContent.delete(sha256);
    for (const item of items) {
      item.note =
        item.sha256 === '' || item.sha256 === sha256 ? '' : `other bytes than before (SHA-256 ${item.sha256})`;
      Object.assign(item, { file: exportFileName(item, sha256), size: part.size, sha256 });
    }
  }

  refused(request: PopRequest, reply: string): void {
    const { item } = request as ItemRequest;
    if (item) item.note = `the source does not hand it out: ${reply}`;
  }

  /** Removes what is not whole. */
  async abandon(): Promise<void> {
    await this.#part?.drop();
    this.#part = undefined;
  }
}
