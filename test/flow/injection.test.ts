import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nastyText } from '../servers/nasty-text.ts';
import { expectReport, expectScriptedUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});
afterEach(() => rig.end());

const popCommand = /^(?:CAPA|AUTH PLAIN \S+|USER user|PASS secret|STAT|NOOP|QUIT|(?:LIST|UIDL)|RETR \d+|TOP \d+ 0)$/;
const imapCommand = new RegExp(
  [
    '^\\S+ (?:CAPABILITY|NAMESPACE|NOOP|LOGOUT|AUTHENTICATE PLAIN|ID (?:NIL|\\(.*\\))',
    '(?:LIST|LSUB) "" (?:"\\*"|"[^"]*"|\\S+)(?: RETURN \\([^()]*\\))?',
    '(?:SELECT|EXAMINE|GETQUOTAROOT) "?INBOX"?',
    'STATUS "?INBOX"? \\([A-Z ]+\\)',
    'APPEND "INBOX" \\(.*\\)(?: "[^"]*")? ~?\\{\\d+\\+?\\}',
    'UID FETCH [\\d:,*]+ \\([^"\\\\{]*\\))$',
  ].join('|'),
);

test('Message-IDs, subjects and unique ids that look like commands stay what they are', async () => {
  const seed = randomInt(2 ** 31);
  console.info(`seed ${seed}`);
  const messages = fc.sample(nastyText, { seed, numRuns: 60 }).map((text, at) => {
    const head = `Message-ID: <${text}${at}@example.com>\r\nDate: Tue, 4 Mar 2014 10:20:30 +0100\r\nFrom: a@example.net\r\n`;
    // RFC 1939 §7: a unique id is printable ASCII; what is not is none of ours to send.
    const uidl = `${at}${text.replace(/[^\x21-\x7e]/g, '')}`.slice(0, 70);
    return { bytes: Buffer.from(`${head}Subject: ${text}${at}\r\n\r\n${text}\r\n${at}\r\n`), uidl };
  });
  const pop = await rig.pop({ messages });
  const imap = await rig.imap();
  const list = await rig.list([scriptedRow(pop, imap)]);
  const first = expectReport(await rig.sync(list, ['--json']));
  expect(first.totals.messages).toMatchObject({ listed: 60, pending: 0, refused: 0, failed: 0 });
  const arrived = imap.stored().map(String).sort();
  expect(arrived).toEqual(messages.map(({ bytes }) => String(bytes)).sort());
  // With nothing in the ledger the headers of both sides are held against each other.
  const fresh = ['--json', '--data-dir', await rig.folder()];
  const again = expectReport(await rig.sync(list, fresh));
  expect(again.totals.messages).toMatchObject({ appended: 0, duplicate: 60 });
  expect(imap.stored()).toHaveLength(60);
  for (const line of pop.transcript) expect(line).toMatch(popCommand);
  for (const line of imap.connections.flatMap(({ commands }) => commands)) expect(line).toMatch(imapCommand);
  await expectScriptedUntouched(pop);
});
