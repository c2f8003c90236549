/** `mailhaul verify --deep` with a random sample: what is in it is found, and what was compared is told with its digest. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { uidlKey } from '../../src/ledger/record.ts';
import { chooseAccounts } from '../../src/operations/choose-accounts.ts';
import { drawRanks, drawSample } from '../../src/verify/sample.ts';
import { madeMail } from '../servers/made-mail.ts';
import type { RedisServer } from '../servers/redis.ts';
import { all, popContents, popList } from '../servers/witness.ts';
import { dovecotRow, type Ended, expectReport, filesWith, HaulRig, scriptedRow } from './haul-rig.ts';

const notes = Array.from({ length: 12 }, (_, n) =>
  Buffer.from(`Message-ID: <note-${n}@x>\r\nFrom: a@x\r\nSubject: note ${n}\r\n\r\n.text of note ${n}\r\n`),
);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

let rig: HaulRig;
let redis: RedisServer;
let list: string;

beforeAll(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
});

afterAll(() => rig.end());

function mailhaul(...args: string[]): Promise<Ended> {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir, '--redis', redis.url];
  return rig.haul(['verify', ...args, ...fixed]).ended;
}

/** Cells of the file of `--messages`, without its first line; made mail has no commas in what stands there. */
async function rowsOf(...args: string[]): Promise<{ ended: Ended; rows: string[][] }> {
  const path = join(rig.directory, 'rows.csv');
  const ended = await mailhaul(list, '--json', '--messages', path, ...args);
  const [first, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\r\n');
  expect(first!.split(',').at(-1)).toBe('sha256');
  return { ended, rows: lines.map((line) => line.split(',')) };
}

const codes = ({ account }: Ended) => account.problems.map(({ code, count }) => `${code} ${count}`);

/** The first seed whose sample suits, and what it leaves out. */
async function seedWhere(user: string, uidls: readonly string[], count: number, suits: (chosen: number[]) => boolean) {
  const [account] = await chooseAccounts(list, { account: [user] }, { defaults: {}, providersFile: null }, () => {});
  for (let seed = 0; ; seed += 1) {
    const rank = drawRanks(seed, account!.key);
    const ranks = uidls.map((uidl) => rank(uidlKey(Buffer.from(uidl))));
    if (suits([...drawSample(Float64Array.from(ranks), count)])) return String(seed);
  }
}

describe('from Dovecot to Dovecot', () => {
  const [ann, eve] = ['ann@example.com', 'eve@example.com'];
  let source: Dovecot;
  let destination: Dovecot;
  const here = (user: string) => all(popContents({ port: source.popPort, user, password: 'pw' }));

  beforeAll(async () => {
    source = await rig.dovecot({ protocols: ['pop3'] });
    destination = await rig.dovecot({ protocols: ['imap'] });
    const made = madeMail(eve!).map(({ bytes }) => ({ bytes }));
    await deliver(
      { server: source, user: ann! },
      notes.map((bytes) => ({ bytes })),
    );
    await deliver({ server: source, user: eve! }, made);
    list = await rig.list([ann!, eve!].map((user) => dovecotRow(source, destination, user, { id: user })));
    expect((await rig.sync(list, ['--json', '--redis', redis.url])).status).toBe(0);
  });

  test('the digests are those of the bytes at the source; of what is gone from it, their beginning', async () => {
    const bytes = new Map((await here(eve!)).map((message) => [message.uidl, message.bytes]));
    const { ended, rows } = await rowsOf('--account', eve!, '--deep');
    expect(expectReport(ended).run).not.toHaveProperty('sample');
    expect(ended.status).toBe(0);
    expect(rows.map((row) => [row[1], row.at(-1)])).toEqual(
      [...bytes].map(([uidl, message]) => [uidl, sha256(message)]),
    );

    const quick = await rowsOf('--account', eve!);
    expect(quick.rows.map((row) => row.at(-1))).toEqual(rows.map(() => ''));

    await source.doveadm(['expunge', '-u', eve!, 'mailbox', 'INBOX', '1:10']);
    const left = new Set((await popList({ port: source.popPort, user: eve!, password: 'pw' })).uidls);
    const gone = [...bytes].filter(([uidl]) => !left.has(uidl)).map(([, message]) => sha256(message).slice(0, 16));
    const later = await rowsOf('--account', eve!, '--deep');
    const unlisted = later.rows.filter((row) => row[1] === '').map((row) => row.at(-1));
    expect(unlisted).toHaveLength(10);
    expect(unlisted.sort()).toEqual(gone.sort());
    const listed = later.rows.filter((row) => row[1] !== '').map((row) => row.at(-1));
    expect(listed).toEqual([...left].map((uidl) => sha256(bytes.get(uidl)!)));
  });

  test('what is altered is found if it is in the sample, and the seed repeats it', async () => {
    const { uidls } = await popList({ port: source.popPort, user: ann!, password: 'pw' });
    const inbox = join(destination.mailRoot, ann!, 'Maildir', 'cur');
    const [file = ''] = await filesWith(inbox, 'text of note 4', ['index.log']);
    const altered = readFileSync(join(inbox, file)).toString('latin1').replace('text of', 'TEXT OF');
    writeFileSync(join(inbox, file), altered, 'latin1');

    const outside = await seedWhere(ann!, uidls, 11, (chosen) => !chosen.includes(4));
    const missed = await rowsOf('--account', ann!, '--deep', '11', '--seed', outside);
    expect(codes(missed.ended)).toEqual([]);
    expect(missed.ended.status).toBe(0);
    expect(expectReport(missed.ended).run.sample).toEqual({
      size: '11',
      seed: Number(outside),
      accounts: { [ann!]: { compared: 11, of: 12 } },
    });
    expect(missed.rows.map((row) => row.at(-1))).toEqual(notes.map((bytes, n) => (n === 4 ? '' : sha256(bytes))));

    for (const [sample, count] of [
      ['11', 11],
      ['25%', 3],
      ['1', 1],
    ] as const) {
      const inside = await seedWhere(ann!, uidls, count, (chosen) => chosen.includes(4));
      const found = await rowsOf('--account', ann!, '--deep', sample, '--seed', inside);
      expect(codes(found.ended)).toEqual(['verify-altered 1']);
      expect(found.ended.account.problems[0]!.text).toContain(`UIDL ${uidls[4]}, Message-ID <note-4@x>`);
      expect(found.rows[4]!.at(-1)).toBe(sha256(notes[4]!));
      expect(found.rows.filter((row) => row.at(-1) !== '')).toHaveLength(count);
      expect(found.ended.status).toBe(3);
    }
  });

  test('the sample is stated with a seed that nobody could know, and that draws it again', async () => {
    const said = await mailhaul(list, '--deep', '7');
    const size = (await here(eve!)).length + 10;
    const compared = (of: number) => `(content of 7 of ${of} message(s) compared, chosen at random)`;
    for (const text of [said.stdout, said.stderr]) {
      expect(text).toContain(compared(12));
      expect(text).toContain(compared(size));
    }
    const seed = /^--deep 7 --seed (\d+) compares the same messages again\.$/m.exec(said.stdout)![1]!;
    const again = await rowsOf('--deep', '7', '--seed', seed);
    // Accounts are verified at once: whose rows come first is nobody's promise.
    const digested = (rows: string[][]) =>
      rows
        .filter((row) => row.at(-1) !== '')
        .map((row) => row.join())
        .sort();
    expect(digested(again.rows)).toHaveLength(14);
    expect(digested((await rowsOf('--deep', '7', '--seed', seed)).rows)).toEqual(digested(again.rows));
    const other = await rowsOf('--deep', '7');
    expect(other.ended.report.run.sample!.seed).not.toBe(Number(seed));
  });

  test('an option that says nothing useful ends with status 2 and the forms it takes', async () => {
    const bad = await mailhaul(list, '--deep', '0');
    expect(bad.status).toBe(2);
    expect(bad.stderr).toMatch(/--deep 0: .*--deep 500.*--deep 5%/);
    const stray = await mailhaul(list, '--deep', '--seed', '5');
    expect(stray.status).toBe(2);
    expect(stray.stderr).toContain('--seed 5: ');
    const listless = await mailhaul('--deep', '5%');
    expect(listless.status).toBe(2);
    expect(listless.stderr).toContain("missing required argument 'list'");
  });

  test('what stands behind --deep is the list where no other is named', async () => {
    const ended = await mailhaul('--account', eve!, '--json', '--deep', list);
    expect(ended.account).toMatchObject({ id: eve, state: 'complete' });
    expect(ended.report.run).not.toHaveProperty('sample');
  });
});

describe('with scripted servers', () => {
  test('only the sample is fetched, in one session that ends without QUIT; of what is gone the digest is asked', async () => {
    const pop = await rig.pop({ messages: notes.map((bytes, n) => ({ bytes, uidl: `u${n}` })) });
    const imap = await rig.imap();
    list = await rig.list([scriptedRow(pop, imap)]);
    await rig.sync(list, ['--json', '--redis', redis.url]);
    const asked = (verb: string) => pop.transcript.filter((line) => line.startsWith(verb)).length;
    pop.transcript.length = 0;
    const five = await rowsOf('--deep', '5');
    expect(five.ended.account).toMatchObject({ state: 'complete', problems: [] });
    expect([asked('RETR'), asked('TOP'), asked('AUTH'), asked('QUIT')]).toEqual([5, 7, 1, 0]);

    pop.behaviour.messages!.splice(0, 3);
    imap.mailboxes.get('INBOX')!.messages[0]!.bytes = Buffer.from(notes[0]!.toString().replace('text', 'TEXT'));
    const whole = await rowsOf('--deep', '100%');
    expect(whole.ended.account.problems.map(({ code, count }) => `${code} ${count}`)).toEqual(['verify-unproven 1']);
    expect(whole.ended.report.run.sample!.accounts).toEqual({ one: { compared: 12, of: 12 } });

    // What is missing cannot be compared, and its digest helps to look for it elsewhere.
    imap.mailboxes.get('INBOX')!.messages.splice(5, 1);
    const lacking = await rowsOf('--deep', '100%');
    expect(lacking.ended.report.run.sample!.accounts).toEqual({ one: { compared: 11, of: 12 } });
    const lost = lacking.rows.find((row) => row.includes('missing'))!;
    expect([lost[1], lost.at(-1)]).toEqual(['u5', sha256(notes[5]!)]);
  });
});
