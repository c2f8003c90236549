/** Refusals from end to end: what the report says of them, and what verify makes of repaired mail. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { expectReport, expectScriptedUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

const mail = (name: string, body: string) =>
  Buffer.from(`Message-ID: <${name}@x>\r\nSubject: ${name}\r\n\r\n${body}\r\n`, 'latin1');

test('a repaired message and one that was taken in the end are all right, and one that was not is said, in each run', async () => {
  const messages = [
    { uidl: 'plain', bytes: mail('plain', 'plain') },
    { uidl: 'bare', bytes: mail('bare', 'a\rb\rc\rd\re') },
    { uidl: 'late', bytes: mail('late', 'late') },
    { uidl: 'never', bytes: mail('never', 'never') },
  ];
  let late = 0;
  const pop = await rig.pop({ messages });
  const imap = await rig.imap({
    capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'UIDPLUS', 'LITERAL+'],
    refuse: ({ bytes }) => {
      if (/\r(?!\n)/.test(bytes.toString('latin1'))) return 'NO Message contains bare CR';
      if (bytes.includes('<late@x>') && late++ < 2) return 'NO not yet';
      return bytes.includes('<never@x>') ? 'BAD Command Argument Error. 11' : undefined;
    },
  });
  const list = await rig.list([scriptedRow(pop, imap)]);
  await rig.settings({ refusalWaitsMs: '[10, 20]' });
  const ended = await rig.sync(list);
  expectReport(ended);
  expect(ended.status).toBe(3);
  expect(ended.account).toMatchObject({ repaired: 1, messages: { listed: 4, appended: 3, refused: 1, pending: 0 } });
  const [repaired, refused] = ['message-repaired', 'append-refused'].map((code) =>
    ended.account.problems.find((problem) => problem.code === code),
  );
  expect(repaired).toMatchObject({ stops: 'none', count: 1 });
  expect(refused).toMatchObject({ stops: 'message', count: 1 });
  expect(refused?.text).toMatch(/Command Argument Error\. 11 \(sent 3 time\(s\); \d+ bytes; longest line \d+ bytes\)/);
  expect(imap.stored().map(String).sort()).toEqual(
    [mail('late', 'late'), mail('bare', 'a\r\nb\r\nc\r\nd\r\ne'), mail('plain', 'plain')].map(String).sort(),
  );

  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];
  const verified = await rig.haul(['verify', list, '--deep', '--json', ...fixed]).ended;
  expect(verified.account.messages).toMatchObject({ listed: 4, refused: 1, failed: 0, pending: 0 });
  expect(verified.account.problems.map(({ code }) => code)).toEqual(['verify-refused']);
  await expectScriptedUntouched(pop);
});
