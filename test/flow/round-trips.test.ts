/** What docs/round-trips.md says is what two servers are asked, and nothing waits for more than it says. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { FlightProxy, type Flights } from '../servers/flights.ts';
import { expectReport, HaulRig, side } from './haul-rig.ts';

/** More than two batches hold, and fewer than `popPipelineCommands`. */
const many = 220;
const runs = ['first', 'nothing new', 'one new message'] as const;
type Run = (typeof runs)[number];

/** One row of the table. */
interface Trips {
  connection: string;
  said: string;
  toFirstByte: string;
}

const measured = new Map<Run, Trips[]>();
const appends = new Map<Run, number>();
let rig: HaulRig;
let source: Dovecot;

beforeAll(async () => {
  rig = await HaulRig.make();
  await rig.settings({ imapCommandTimeoutMs: '20000', popReadTimeoutMs: '20000', popCommandTimeoutMs: '20000' });
  source = await rig.dovecot({ storage: 'maildir', protocols: ['pop3'] });
  const destination = await rig.dovecot({ storage: 'maildir', protocols: ['imap'] });
  let wanted = many;
  let reported = false;
  // Who waits for an answer before the last RETR, the last APPEND or the end of the run never gets there.
  const pop = await line(source.popPort, (said) => said.includes('RETR') && !said.includes('NOOP'));
  const imap = await line(destination.imapPort, (said) => {
    if (said.includes('LOGOUT')) return !reported;
    return said.includes(' APPEND ') && count(said, /^Message-ID: /gm) < wanted;
  });
  const list = await rig.list([
    { id: 'one', ...side('pop', pop.port, 'ann', 'pw'), ...side('imap', imap.port, 'ann', 'pw') },
  ]);
  await deliver(
    { server: source, user: 'ann' },
    Array.from({ length: many }, (_, n) => messageOf(n)),
  );
  for (const run of runs) {
    wanted = run === 'first' ? many : 1;
    reported = false;
    if (run === 'one new message') await deliver({ server: source, user: 'ann' }, [messageOf(many)]);
    const haul = rig.startSync(list);
    await rig.reaches(() => haul.text.stdout !== '', haul);
    expect(imap.open).toBe(run === 'nothing new' ? 0 : 2);
    reported = true;
    imap.look();
    expectReport(await haul.ended);
    const destinations = imap.take();
    measured.set(run, [...pop.take().map(ofSource), ...destinations.map(ofDestination).sort(byConnection)]);
    appends.set(run, count(destinations.flatMap(({ said }) => said).join(''), /^h\d+ APPEND /gm));
  }
}, 60_000);

afterAll(() => rig.end());

async function line(port: number, hold: (said: string) => boolean): Promise<FlightProxy> {
  const proxy = await FlightProxy.start(port, hold);
  rig.atEnd(() => proxy.close());
  return proxy;
}

function messageOf(n: number): { bytes: Buffer } {
  return { bytes: Buffer.from(`Message-ID: <${n}@trips.example>\nSubject: ${n}\n\nThis is number ${n}.\n`) };
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** The commands of each flight, one of several that are the same; nothing of the messages among them. */
function verbsOf({ said }: Flights, command: RegExp): string[][] {
  const flights = said.map((text) => [...new Set([...text.matchAll(command)].map(([, verb = '']) => verb))]);
  return flights.filter((verbs) => verbs.length > 0);
}

function joined(flights: string[][]): string {
  return flights.map((verbs) => verbs.join(' ')).join(' · ');
}

function ofSource(flights: Flights, at: number): Trips {
  const verbs = verbsOf(flights, /^([A-Z]+)\b/gm);
  const first = verbs.findIndex((flight) => flight.includes('RETR'));
  const toFirstByte = first === -1 ? '–' : String(first + 1);
  return { connection: at === 0 ? 'source' : 'source, once more', said: joined(verbs), toFirstByte };
}

function ofDestination(flights: Flights): Trips {
  const verbs = verbsOf(flights, /^h?\d+ ([A-Z]+)\b/gm);
  const first = verbs.findIndex((flight) => flight.includes('APPEND'));
  const role = first === -1 ? 'looks' : 'appends';
  return { connection: `destination, ${role}`, said: joined(verbs), toFirstByte: first === -1 ? '–' : String(first) };
}

/** Which of the two logs in first differs from run to run. */
function byConnection(one: Trips, other: Trips): number {
  return one.connection < other.connection ? 1 : -1;
}

describe('the table of docs/round-trips.md', () => {
  const rows = async () =>
    [...(await readFile('docs/round-trips.md', 'utf8')).matchAll(/^\| (.+) \|$/gm)]
      .map(([, row = '']) => row.split(' | '))
      .slice(2);

  test.each(runs)('is what is said: %s', async (run) => {
    const mine = (await rows()).filter(([name]) => name === run);
    const told = mine.map(([, connection, said, toFirstByte]) => ({ connection, said, toFirstByte }));
    expect(measured.get(run)).toEqual(told);
  });

  test('has nothing per batch, and at the end only the answer to QUIT', async () => {
    // That the runs ended shows it: nothing was answered before all was asked for and sent.
    expect(appends.get('first')).toBeGreaterThanOrEqual(3);
    for (const [, connection = '', , toFirstByte, perBatch, atEnd] of await rows()) {
      expect(perBatch).toBe(toFirstByte === '–' ? '–' : '0');
      expect(atEnd).toBe(connection.startsWith('source') ? '1' : '0');
    }
  });
});
