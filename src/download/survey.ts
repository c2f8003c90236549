/** What a run would find at the source: lists, subtracts and looks at headers; fetches no message, writes nothing. */
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import { spooledKeys } from '../ledger/batches.ts';
import { readRun } from '../ledger/run.ts';
import { LedgerTable } from '../ledger/table.ts';
import { inSourceTurn, type SourceTurn } from '../limits/look.ts';
import type { TurnContext } from '../limits/turn.ts';
import { PopClient } from '../pop3/client.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import { HeaderSink } from './header-sink.ts';
import { openWithin } from './pace.ts';
import { type Pick, pick } from './pick.ts';
import { topFault, topRequests } from './probe.ts';
import { untilStopped } from './stoppable.ts';

/** Whoever wants to see the headers of what would be fetched. */
export interface HeaderLook {
  /** TOP does harm at this source and is not sent. */
  readonly topForbidden: boolean;
  /** Gets one header and the listed size of its message. */
  take(header: Buffer, octets: number): void;
}

/** What a survey found. */
export interface Survey extends Pick {
  /** Why headers were not to be had, or not all of them; undefined where all were. */
  readonly unseen: string | undefined;
}

/** Surveys one account when its host has a connection for it. Throws MailhaulError. */
export function surveySource(
  account: string,
  endpoint: PopEndpoint,
  context: TurnContext,
  look: HeaderLook,
): Promise<Survey> {
  return inSourceTurn(endpoint, context, async ({ lease, budget }) => {
    const client = await openWithin(budget, endpoint, lease, context, PopClient.connect);
    return untilStopped(client, context.signal, async () => {
      const listing = await client.list();
      const found = await pickOf(context.redis, account, listing);
      const unseen = await lookAt(client, listing, found.wanted, look, context, budget);
      return { ...found, unseen };
    });
  });
}

/** Ends the session too. Headers that are not to be had are no reason to fail. */
async function lookAt(
  client: PopClient,
  listing: MaildropListing,
  wanted: Uint32Array,
  look: HeaderLook,
  { settings }: TurnContext,
  budget: SourceTurn['budget'],
): Promise<string | undefined> {
  const fault = wanted.length === 0 ? undefined : topFault(client, settings.popProbe, look.topForbidden);
  const places = fault === undefined ? wanted : new Uint32Array();
  let [answered, taken] = [0, 0];
  const sink = new HeaderSink(settings.headerMaxBytes, (header) => {
    if (header) {
      look.take(header, listing.octets(places[answered]!));
      taken += 1;
    }
    answered += 1;
  });
  try {
    await client.fetch(topRequests(listing, places, budget), sink);
  } catch (error) {
    client.destroy();
    if (!(error instanceof MailhaulError)) throw error;
    return error.message;
  }
  await client.quit();
  const missing = places.length - taken;
  return missing > 0 ? `the source gave no header of ${missing} message(s)` : fault;
}

async function pickOf(redis: RedisClient, account: string, listing: MaildropListing): Promise<Pick> {
  // The spool first: a message goes from there into the ledger, and must be seen in one of them.
  const spooled = await spooledKeys(redis, account);
  const [ledger, run] = await Promise.all([LedgerTable.load(redis, account), readRun(redis, account)]);
  // As the next run would see it: what the current one has settled is known by then.
  return pick(listing, ledger, spooled, (run?.number ?? 0) + 1);
}
