/** Whole accounts in small: what is at the source and in the ledger, what is at the destination, and what is said. */
import { createHash } from 'node:crypto';
import { type LedgerRecord, packRecord, uidlKey } from '../../src/ledger/record.ts';
import type { Repair } from '../../src/ledger/repairs.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import { parseListing } from '../../src/pop3/listing.ts';
import { ContentReader, type Contents, headerMarks } from '../../src/verify/contents.ts';
import { findDoubles } from '../../src/verify/doubles.ts';
import { Expected } from '../../src/verify/expected.ts';
import { Findings } from '../../src/verify/findings.ts';
import { Holdings } from '../../src/verify/holdings.ts';
import { Matching } from '../../src/verify/matching.ts';

/** A message with a Message-ID. */
export const mail = (id: string, body = `body of ${id}`) =>
  Buffer.from(`Message-ID: <${id}@x>\r\nSubject: ${id}\r\n\r\n${body}\r\n`);
/** One without. */
export const nameless = (body: string) => Buffer.from(`Subject: s\r\n\r\n${body}\r\n`);

/** `at` is where the ledger has it; without `outcome` the ledger lacks it. */
export interface Here {
  bytes: Buffer;
  outcome?: LedgerRecord['outcome'];
  at?: [mailbox: number, uid: number];
  gone?: true;
  spooled?: true;
  owed?: true;
  /** What was sent in its place. */
  repaired?: Buffer;
}
/** Mailbox 1 is INBOX, 2 Archive, 3 one that shows all mail once more. */
export type There = [mailbox: number, uid: number, bytes: Buffer];

const paths = new Map([
  [1, 'INBOX'],
  [2, 'Archive'],
  [3, 'All'],
]);

function contents(bytes: Buffer): Contents {
  const reader = new ContentReader();
  reader.push(bytes);
  return reader.end();
}

function recordOf({ bytes, outcome = 'appended', at: [mailbox, uid] = [0, 0] }: Here, n: number): LedgerRecord {
  const content = createHash('sha256').update(bytes).digest().subarray(0, 8);
  return { key: uidlKey(Buffer.from(`u${n}`)), outcome, mailbox, uid, size: bytes.length, content, run: 1 };
}

function repairOf(sent: Buffer, n: number): Repair {
  const { sha256, body } = contents(sent);
  return {
    key: uidlKey(Buffer.from(`u${n}`)).toString('hex'),
    uidl: `u${n}`,
    repairs: ['nul'],
    before: '',
    after: sha256.toString('hex'),
    size: sent.length,
    body: body.toString('hex').padEnd(64, '0'),
    fingerprint: headerMarks(sent, 10_000).fingerprint.toString('hex'),
  };
}

function expectedOf(here: readonly Here[], deep: (n: number) => boolean): Expected {
  const marked = (what: 'spooled' | 'owed') =>
    here.flatMap((one, n) => (one[what] ? [uidlKey(Buffer.from(`u${n}`)).toString('hex')] : []));
  const owed = new Map(marked('owed').map((key) => [key, 'spool-lost' as const]));
  const repairs = here.flatMap((one, n) => (one.repaired ? [repairOf(one.repaired, n)] : []));
  const repaired = new Map(repairs.map((repair) => [repair.key, repair]));
  const underway = { spooled: new Set(marked('spooled')), owed, repaired };
  const listed = here.flatMap(({ gone, bytes }, n) => (gone ? [] : [{ n, bytes }]));
  const lines = (text: (one: { n: number; bytes: Buffer }) => string) =>
    Buffer.from(listed.map((one) => `${one.n + 1} ${text(one)}\r\n`).join(''));
  const options = { popListingMaxMessages: 1000, popUidlMaxBytes: 1000 };
  const listing = parseListing(
    lines(({ bytes }) => String(bytes.length)),
    lines(({ n }) => `u${n}`),
    { endpoint: { host: 'h' }, options },
  );
  const records = here.flatMap((one, n) => (one.outcome ? [packRecord(recordOf(one, n))] : []));
  const expected = new Expected(listing, new LedgerTable(Buffer.concat(records)), underway);
  listed.forEach(({ bytes }, place) => void expected.setMarks(place, headerMarks(bytes, 10_000)));
  expected.addGone();
  for (let n = 0; n < expected.size; n += 1) if (deep(n)) expected.setDeep(n);
  expected.markShared();
  return expected;
}

function holdingsOf(there: readonly There[]): Holdings {
  const holdings = new Holdings();
  for (const [number, path] of paths) holdings.mailbox({ path, virtual: number === 3, renumbered: false });
  for (const [box, uid, bytes] of there) {
    holdings.add(box - 1, uid, bytes.length, headerMarks(bytes, 10_000).fingerprint);
  }
  holdings.seal();
  return holdings;
}

/** What is said of an account. */
export interface Said {
  /** `verdict` or `verdict MAILBOX UID`, in the order of the source. */
  verdicts: string[];
  /** SHA-256 as it stands in the rows. */
  digests: string[];
  problems: string[];
  rewritten: number;
  /** How many messages were read for their content. */
  read: { source: number; destination: number };
}

/** Matches an account and says what came out. */
export async function say(
  here: readonly Here[],
  there: readonly There[],
  deep: boolean | readonly number[] = [],
): Promise<Said> {
  const isDeep = typeof deep === 'boolean' ? () => deep : (n: number) => deep.includes(n);
  const expected = expectedOf(here, isDeep);
  const holdings = holdingsOf(there);
  const read = { source: 0, destination: 0 };
  const listed = here.filter(({ gone }) => !gone);
  const contentsThere = async ({ mailbox, uid }: { mailbox: number; uid: number }) => {
    read.destination += 1;
    return contents(there.find(([box, other]) => box - 1 === mailbox && other === uid)![2]);
  };
  const readSource = async (wanted: readonly number[]) => {
    read.source += wanted.length;
    for (const n of wanted) expected.setContents(n, contents(listed[n]!.bytes));
  };
  const matching = new Matching({ expected, holdings, mailboxes: paths, contents: contentsThere, readSource });
  await matching.run();
  const doubled = await findDoubles(expected, holdings, contentsThere);
  const findings = new Findings({ expected, holdings, mailboxes: paths, doubled, refusals: new Map() });
  return {
    verdicts: [...findings.rows('a')].map(({ verdict, mailbox, uid }) => `${verdict} ${mailbox} ${uid}`.trim()),
    digests: [...findings.rows('a')].map(({ sha256 }) => sha256),
    problems: findings.problems().map(({ code, count }) => `${code} ${count}`),
    rewritten: matching.rewritten,
    read,
  };
}
