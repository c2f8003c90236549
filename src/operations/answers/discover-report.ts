/** What discovery found, as `mailhaul discover --json` prints it. */
import * as z from 'zod';
import { count } from './counts.ts';
import type { Shown } from './shown.ts';

const protocol = z.enum(['pop3', 'imap']);
const texts = z.array(z.string());

const discoverProblem = z.strictObject({ code: z.string(), text: z.string(), remedy: z.string() });

/** Why a server is not used. */
export type DiscoverProblem = Shown<typeof discoverProblem>;

const serverReport = z.strictObject({
  protocol,
  host: z.string(),
  port: count,
  security: z.enum(['tls', 'starttls', 'none']),
  user: z
    .string()
    .nullable()
    .describe('The form of user names, with `{address}`, `{local}` and `{domain}`; null where nobody says.'),
  logins: texts.describe('Kinds of login that were named with it.'),
  mechanisms: texts.describe('Mechanisms that the server itself lists.'),
  origin: z.string().describe('list, settings, profile, srv, autoconfig, ispdb, mx or guess.'),
  source: z.string(),
  confirm: z
    .boolean()
    .describe('A person should look: only DNS, or a certificate for another name, speaks for this server.'),
  remarks: texts,
  problem: discoverProblem.nullable(),
});

/** A server, where it was found, and what it showed. */
export type ServerReport = Shown<typeof serverReport>;

const sideReport = z.strictObject({
  state: z.enum(['found', 'unusable', 'not-offered', 'not-found']),
  source: z.string().describe('Who says so.'),
  server: serverReport.nullable(),
});

/** What came out for one protocol of a domain. */
export type SideReport = Shown<typeof sideReport>;

const domainReport = z.strictObject({
  domain: z.string(),
  addresses: texts,
  pop3: sideReport.exactOptional(),
  imap: sideReport.exactOptional(),
  others: z
    .array(z.strictObject({ ...serverReport.shape, lost: z.string() }))
    .describe('Servers that were named and lost, with the reason.'),
  remarks: texts,
  advice: texts,
});

/** What was learned of one domain. */
export type DomainReport = Shown<typeof domainReport>;

const lineReport = z.strictObject({
  line: count,
  side: z.enum(['pop', 'imap']),
  address: z.string().nullable(),
  state: z
    .enum(['written', 'ready', 'confirm', 'unknown'])
    .describe('ready: could be written. confirm: a person must decide. unknown: nothing was found that fits.'),
  values: z.record(z.string(), z.string()).describe('Columns and their values.'),
  text: z.string(),
});

/** One side of a line of the list that named no server. */
export type LineReport = Shown<typeof lineReport>;

/** The document of `mailhaul discover --json`. */
export const discoverReportSchema = z
  .strictObject({
    version: z.literal(1),
    domains: z.array(domainReport),
    list: z
      .strictObject({ path: z.string(), lines: z.array(lineReport) })
      .exactOptional()
      .describe('Only where a list was asked about.'),
  })
  .meta({ id: 'DiscoverReport' });

/** The document of `mailhaul discover --json`. */
export type DiscoverReport = Shown<typeof discoverReportSchema>;
