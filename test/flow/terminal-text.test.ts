/** What servers, messages and lists say is no more than text on a terminal, where a colour could be a title or a key press. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostileAccounts, hostileTexts, terminalText, writeHostileRuns } from '../browser/hostile.ts';
import { openRig } from '../dashboard/dashboard-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { HaulRig, scriptedRow } from './haul-rig.ts';

const redis = useRedis();
let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});
afterEach(() => rig.end());

/** What a terminal obeys: C0 but line ends, C1, marks that turn the order of letters around. */
const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The characters of a text that a terminal would obey, as their numbers. */
const obeyedIn = (text: string) =>
  [...new Set(text.match(obeyed) ?? [])].map((one) => one.codePointAt(0)!.toString(16));

/** What a live display may send: colours, moves of the cursor, erasing, and the cursor shown or hidden. */
const ours = /\x1b\[[0-9;]*[A-Gm]|\x1b\[[0-2]?[JK]|\x1b\[\?25[hl]|\r\n/g;

test('the clients show accounts, pauses and errors of a service as plain text', async () => {
  const accounts = hostileAccounts();
  await writeHostileRuns(redis.client, accounts);
  const { dashboard, settings, ask } = await openRig(redis.handle, accounts);
  const reason = `tea ${terminalText}`.slice(0, 500);
  const { status, text } = await ask('/api/pause', { body: { all: true, reason } });
  expect(status, text).toBe(200);
  const fixed = ['--listen', new URL(dashboard.url).host, '--data-dir', settings.dataDir];
  for (const args of [['status'], ['status', accounts[0]!.id], ['accounts', 'list']]) {
    const { stdout, stderr } = await rig.haul([...args, ...fixed]).ended;
    expect(stdout, `${args}: ${stderr}`).toContain(hostileTexts['image']);
    expect({ args, obeyed: obeyedIn(stdout + stderr) }).toEqual({ args, obeyed: [] });
  }
});

test('a run on a terminal shows what it is told as plain text, live and in the end', async () => {
  const said = terminalText.replaceAll('\0', '').replaceAll('\r', '');
  const bytes = Buffer.from(`Message-ID: <1@x>\r\nSubject: ${said}\r\n\r\nbody\r\n`);
  const pop = await rig.pop({ messages: [{ bytes, uidl: 'u1' }], greeting: `+OK ${said}\r\n` });
  const imap = await rig.imap({ greeting: `* OK ${said}`, refuse: () => `NO [CANNOT] ${said} refused` });
  const locked = await rig.pop({
    replies: { PASS: `-ERR [AUTH] ${said} login\r\n`, AUTH: `-ERR [AUTH] ${said} login\r\n` },
  });
  const list = await rig.list([
    { ...scriptedRow(pop, imap), id: 'one \u202egpj.exe' },
    { ...scriptedRow(locked, imap), id: 'two', imap_user: 'bob' },
  ]);
  const onTerminal = { within: ['sh', '-c', 'exec script -qefc "$*" /dev/null', 'sh'] };
  const fixed = ['--config', `${rig.directory}/settings.yaml`, '--data-dir', rig.dataDir];
  for (const verb of ['check', 'sync', 'verify']) {
    const { stdout } = await rig.haul([verb, list, ...fixed], {}, onTerminal).ended;
    expect(stdout, verb).toContain('refused');
    if (verb === 'sync') expect(stdout).toMatch(/\x1b\[\?25l/);
    expect({ verb, obeyed: obeyedIn(stdout.replace(ours, '\n')) }).toEqual({ verb, obeyed: [] });
  }
  // Its lines are JSON: ids stand in them as they are.
  expect(await rig.log()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});
