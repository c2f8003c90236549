/** The settings of domains: those of addresses, or those that an account list lacks. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Row } from '../accounts/cells.ts';
import { CsvText } from '../accounts/csv-edit.ts';
import type { MailAddress } from '../accounts/discovery/address.ts';
import { AtOnce } from '../accounts/discovery/at-once.ts';
import type { Protocol } from '../accounts/discovery/candidate.ts';
import { type DomainFindings, discoverDomain } from '../accounts/discovery/domain.ts';
import { knownProviders } from '../accounts/discovery/profile.ts';
import { realWorld } from '../accounts/discovery/real-world.ts';
import type { DiscoveryWorld } from '../accounts/discovery/seams.ts';
import { loadListRows } from '../accounts/list.ts';
import { replaceList } from '../accounts/list-file.ts';
import { profilesOf } from '../accounts/profiles.ts';
import { MailhaulError, printable } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import type { DiscoverReport, LineReport } from './answers/discover-report.ts';
import {
  columnDefaults,
  explicitFor,
  type Fill,
  isAsked,
  type OpenSide,
  openSides,
  readAddresses,
} from './discover-list.ts';
import { domainReport, lineReport } from './discover-report.ts';

/** What somebody wants to know. */
export interface DiscoverOptions {
  readonly settings: Settings;
  /** Variables that the password of a proxy may be in. */
  readonly env: NodeJS.ProcessEnv;
  /** Addresses and domains as they were written. With `write` they say which lines are meant. */
  readonly addresses: readonly string[];
  readonly protocols: readonly Protocol[];
  /** An account list: what it says is decided and, where no address is named, what it lacks is asked. */
  readonly list: string | undefined;
  /** Whether what was found is written into the list. */
  readonly write: boolean;
  /** Whether that holds for servers of other domains, too, for which only DNS vouches. */
  readonly trustDns: boolean;
  /** Whether every place is asked, though an earlier one sufficed. */
  readonly all: boolean;
  /** Called as each domain is done. */
  readonly onDomain: (domain: string, done: number, of: number) => void;
}

interface List {
  readonly path: string;
  readonly name: string;
  readonly rows: readonly Row[];
  /** The bytes that were read, where they are to be changed. */
  readonly bytes: Buffer | undefined;
}

/** What is asked of one domain, and for whom. */
interface Asked {
  readonly wanted: Set<Protocol>;
  readonly addresses: Set<string>;
}

/** Finds settings. Throws `usage`, `list-unreadable`, `list-invalid` or `list-unwritable`. */
export async function discover(
  options: DiscoverOptions,
  world: DiscoveryWorld = realWorld(options.settings, knownProviders(profilesOf(options.settings)), options.env),
): Promise<DiscoverReport> {
  const { addresses, wrong } = readAddresses(options.addresses);
  if (wrong.length > 0) {
    const named = printable(wrong.slice(0, 5).join(', '), 200);
    throw new MailhaulError('usage', { reason: `neither a mail address nor a domain: ${named}` });
  }
  const list = options.list === undefined ? undefined : await readList(options.list, options.write);
  const defaults = columnDefaults(options.settings.defaults);
  const byLines = list !== undefined && (options.write || addresses.length === 0);
  const open = byLines ? openSides(list.rows, options.protocols, defaults) : [];
  const sides = addresses.length === 0 ? open : open.filter(({ address }) => address && isAsked(address, addresses));
  const asked = byLines ? askedByLines(sides) : askedByAddresses(addresses, options.protocols);
  const found = await findAll(asked, list, options, world);
  const domains = [...found].map(([domain, findings]) => domainReport(findings, [...asked.get(domain)!.addresses]));
  if (!byLines) return { version: 1, domains };
  const lines = linesOf(sides, list.rows, found, options);
  const fills = lines.flatMap(({ fill }) => fill ?? []);
  const written = options.write && fills.length > 0;
  if (written) await writeFills(list, fills);
  const reports = lines.map(
    ({ report }): LineReport => (written && report.state === 'ready' ? { ...report, state: 'written' } : report),
  );
  return { version: 1, domains, list: { path: list.path, lines: reports } };
}

async function readList(path: string, write: boolean): Promise<List> {
  // First the bytes: what changes later is noticed when they are replaced.
  const bytes = write ? await readFile(path).catch(() => undefined) : undefined;
  const { rows, format } = await loadListRows(path);
  const name = printable(basename(path), 100);
  if (write && format !== 'csv') {
    const reason = `${name} is YAML or JSON: settings are written into CSV lists only; copy them from the output`;
    throw new MailhaulError('usage', { reason });
  }
  return { path, name, rows, bytes };
}

function askedByAddresses(addresses: readonly MailAddress[], protocols: readonly Protocol[]): Map<string, Asked> {
  const asked = new Map<string, Asked>();
  for (const { domain, local, text } of addresses) {
    const one = asked.get(domain) ?? { wanted: new Set(protocols), addresses: new Set() };
    if (local !== undefined) one.addresses.add(text);
    asked.set(domain, one);
  }
  return asked;
}

function askedByLines(sides: readonly OpenSide[]): Map<string, Asked> {
  const asked = new Map<string, Asked>();
  for (const { address, protocol } of sides) {
    if (!address) continue;
    const one = asked.get(address.domain) ?? { wanted: new Set(), addresses: new Set() };
    one.wanted.add(protocol);
    one.addresses.add(address.text);
    asked.set(address.domain, one);
  }
  return asked;
}

/** Every domain once, several at a time. */
async function findAll(
  asked: ReadonlyMap<string, Asked>,
  list: List | undefined,
  { settings, all, onDomain }: DiscoverOptions,
  world: DiscoveryWorld,
): Promise<Map<string, DomainFindings>> {
  const atOnce = new AtOnce(settings.discoverAtOnce);
  let done = 0;
  const found = await Promise.all(
    [...asked].map(([domain, { wanted }]) =>
      atOnce.run(async () => {
        const protocols = (['pop3', 'imap'] as const).filter((protocol) => wanted.has(protocol));
        const known = { name: list?.name ?? '', rows: list?.rows ?? [] };
        const explicit = explicitFor(domain, protocols, known, columnDefaults(settings.defaults));
        const findings = await discoverDomain({ domain, wanted: protocols, explicit, all }, world);
        done += 1;
        onDomain(domain, done, asked.size);
        return [domain, findings] as const;
      }),
    ),
  );
  return new Map(found);
}

function linesOf(
  sides: readonly OpenSide[],
  rows: readonly Row[],
  found: ReadonlyMap<string, DomainFindings>,
  { trustDns, settings }: DiscoverOptions,
): { report: LineReport; fill: Fill | undefined }[] {
  const rowAt = new Map(rows.map((row) => [row.line, row]));
  return sides.map((side) => {
    const finding = found.get(side.address?.domain ?? '')?.findings.find(({ protocol }) => protocol === side.protocol);
    return lineReport(side, rowAt.get(side.line)!, finding, { trustDns, defaults: columnDefaults(settings.defaults) });
  });
}

async function writeFills(list: List, fills: readonly Fill[]): Promise<void> {
  // The byte order mark is a part of the text here: it stays.
  const text = new CsvText(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(list.bytes));
  const missing = new Set(fills.flatMap(({ values }) => Object.keys(values)));
  for (const column of text.columns) missing.delete(column);
  for (const column of missing) text.addColumn(column);
  for (const { line, values } of fills) {
    for (const [column, value] of Object.entries(values)) text.fill(line, column, value);
  }
  await replaceList(list.path, list.bytes!, text.toString());
}
