/** Mail is hauled through every provider profile, by servers that behave as it says; and what a profile knows is used. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Profile } from '../../src/accounts/profile-schema.ts';
import { readProfiles } from '../../src/accounts/profiles.ts';
import type { AccountReport } from '../../src/report/report.ts';
import { addedHeader, imapBehaviour, perSession, popBehaviour } from '../servers/provider-behaviour.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedMessage, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { expectReport, expectScriptedUntouched, HaulRig, type Row, scriptedRow } from './haul-rig.ts';

const profiles = readProfiles();
/** Who takes the part before the @: said here again, so that a change of the profile is noticed. */
const byLocalPart = new Set(['webde', 'icloud']);
/** Enough for a provider that lists in parts to need four sessions, the last of which finds nothing. */
const manyMessages = 2 * perSession + 50;

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

function mail(prefix: string, count: number): ScriptedMessage[] {
  return Array.from({ length: count }, (_, at) => ({
    uidl: `${prefix}-${at}`,
    bytes: Buffer.from(
      `Message-ID: <${prefix}-${at}@x>\r\nSubject: ${at}\r\n\r\n${'line\r\n.dot\r\n'.repeat(at % 7)}end\r\n`,
    ),
  }));
}

/** An account whose source and destination are servers of one provider. */
interface Hauled {
  readonly profile: Profile;
  readonly messages: ScriptedMessage[];
  readonly pop: ScriptedPop3;
  readonly imap: ScriptedImap;
  readonly row: Row;
}

const local = (prefix: 'pop' | 'imap', port: number, password: string): Row => ({
  [`${prefix}_host`]: '127.0.0.1',
  [`${prefix}_port`]: port,
  [`${prefix}_security`]: 'none',
  [`${prefix}_password`]: password,
});

async function serve(profile: Profile): Promise<Hauled> {
  const { name } = profile;
  const id = `ann@${name}.example`;
  const user = byLocalPart.has(name) ? 'ann' : id;
  const messages = mail(name, profile.quirks.drainSessions ? manyMessages : 12);
  const imap = await rig.imap(imapBehaviour(profile, { user, password: 'pw' }));
  // With the name of the mechanism the password is the token.
  const tokens: Row = profile.quirks.oauthOnly ? { pop_auth: 'xoauth2', imap_auth: 'xoauth2' } : {};
  const to = { ...local('imap', imap.port, 'pw'), ...tokens, imap_provider: name };
  if (!profile.pop) {
    const pop = await rig.pop({ messages });
    return { profile, messages, pop, imap, row: { id, ...local('pop', pop.port, 'secret'), pop_user: 'user', ...to } };
  }
  const pop = await rig.pop(popBehaviour(profile, { user, password: 'secret' }, messages));
  return { profile, messages, pop, imap, row: { id, ...local('pop', pop.port, 'secret'), pop_provider: name, ...to } };
}

/** What the destination got, without what the provider is known to add. */
function arrived({ profile, imap }: Hauled): string[] {
  return imap.stored().map((bytes) => {
    if (!profile.quirks.rewritesMail) return String(bytes);
    expect(bytes.subarray(0, addedHeader.length)).toEqual(addedHeader);
    return String(bytes.subarray(addedHeader.length));
  });
}

function expectHauled(hauled: Hauled, account: AccountReport): void {
  const { profile, messages, pop, imap } = hauled;
  const count = messages.length;
  const rewritten = profile.quirks.rewritesMail ? count : 0;
  const told = rewritten > 0 ? [{ code: 'rewritten-by-destination', stops: 'none', count }] : [];
  expect(account.problems, profile.name).toMatchObject(told);
  expect(account.problems, profile.name).toHaveLength(told.length);
  expect(account.rewritten, profile.name).toBe(rewritten);
  expect(account.messages, profile.name).toMatchObject({ listed: count, appended: count, pending: 0, failed: 0 });
  expect(arrived(hauled).sort(), profile.name).toEqual(messages.map(({ bytes }) => String(bytes)).sort());
  for (const { commands } of imap.connections) expect(commands.join('\n')).not.toContain('\\Deleted');
  // 250, 250, 50, and a last one that finds nothing.
  expect(pop.seen('QUIT'), profile.name).toHaveLength(profile.quirks.drainSessions ? 4 : 2);
}

test('mail is hauled from each provider to itself, whatever is peculiar there', { timeout: 240_000 }, async () => {
  const hauled: Hauled[] = [];
  for (const profile of profiles.all) hauled.push(await serve(profile));
  const list = await rig.list(hauled.map(({ row }) => row));
  const ended = await rig.sync(list);
  const { accounts } = expectReport(ended);
  expect(accounts).toHaveLength(profiles.all.length);
  for (const [at, one] of hauled.entries()) expectHauled(one, accounts[at]!);
  expect(ended.status).toBe(0);

  const again = await rig.sync(list);
  expect(again.status).toBe(0);
  expect(expectReport(again).totals.messages.appended).toBe(0);
  for (const { profile, pop } of hauled) {
    // An independent client logs in by a password only.
    if (!profile.quirks.hidesFetched && !profile.quirks.oauthOnly) await expectScriptedUntouched(pop);
    expect(pop.transcript.filter((line) => /^(?:DELE|RSET)/i.test(line))).toEqual([]);
  }
});

test('a refused login is told with what the provider is known to refuse it for', { timeout: 120_000 }, async () => {
  const knowing = profiles.all.filter(({ pop, quirks }) => pop && (quirks.oauthOnly || quirks.appPasswordNeeded));
  expect(knowing.length).toBeGreaterThan(7);
  const pop = await rig.pop({ anyUser: true, password: 'an app password' });
  const imap = await rig.imap({ login: () => 'NO [AUTHENTICATIONFAILED] Invalid credentials' });
  const sides = { ...local('pop', pop.port, 'wrong'), ...local('imap', imap.port, 'pw'), imap_user: 'ann' };
  const rows = knowing.map(({ name }) => ({
    id: `ann@${name}.example`,
    ...sides,
    pop_provider: name,
    imap_user: name,
  }));
  const good = await rig.pop({ messages: mail('good', 1) });
  const refusing = { ...scriptedRow(good, imap, { id: 'to' }), imap_provider: 'fastmail' };
  const ended = await rig.sync(await rig.list([...rows, refusing]));
  const { accounts } = expectReport(ended);
  for (const [at, { name, title, quirks }] of knowing.entries()) {
    const [problem] = accounts[at]!.problems;
    expect(problem, name).toMatchObject({ code: 'credentials-refused', stops: 'account' });
    const told = [quirks.oauthOnly, quirks.appPasswordNeeded, quirks.popMustBeEnabled].flatMap(
      (one) => one?.text ?? [],
    );
    expect(problem!.remedy, name).toContain(`${title}: ${told.join(' ')}`);
    expect(problem!.remedy, name).toContain('then run again');
  }
  const [ofDestination] = accounts.at(-1)!.problems;
  expect(ofDestination).toMatchObject({ code: 'credentials-refused' });
  expect(ofDestination!.remedy).toContain('Fastmail refuses the password of the account');
  expect(ofDestination!.remedy).not.toContain('POP');
  expect(ended.status).toBe(12);
});

describe('a profile of the administrator', { timeout: 120_000 }, () => {
  const cellar = (more: string) => `cellar:
  title: The server in the cellar
  hosts: { names: [127.0.0.1], source: our own, date: 2026 }
  pop: { auth: [password], user: address, source: our own, date: 2026 }
  imap: { auth: [password], user: address, source: our own, date: 2026 }
${more}`;
  let pop: ScriptedPop3;
  let imap: ScriptedImap;
  let list: string;

  async function setUp(more: string, settings: Record<string, string> = {}): Promise<void> {
    const providersFile = await rig.file('own.yaml', cellar(more));
    await rig.settings({ ...settings, providersFile });
    pop = await rig.pop({ messages: mail('cellar', 40) });
    imap = await rig.imap();
    list = await rig.list([scriptedRow(pop, imap)]);
  }

  test('limits the hosts that it names, unless the settings say otherwise of them', async () => {
    const limit = '  limits: { downloadBytesPerDay: { value: 1500, source: our own, date: 2026 } }\n';
    await setUp(limit, { syncWaitMaxMs: '100' });
    const first = await rig.sync(list);
    expectReport(first);
    expect(first.account.state).toBe('incomplete');
    expect(first.account.problems).toMatchObject([{ code: 'budget-waits' }]);
    expect(first.account.problems[0]!.text).toContain('127.0.0.1 allows 1.5 kB a day');
    expect(first.account.messages.appended).toBeGreaterThan(0);
    expect(first.account.messages.pending).toBeGreaterThan(0);

    const providersFile = join(rig.directory, 'own.yaml');
    await rig.settings({ providersFile, budgets: '{ hosts: { 127.0.0.1: { downloadBytesPerDay: 0 } } }' });
    expect((await rig.sync(list)).account).toMatchObject({ state: 'complete', messages: { pending: 0 } });
    expect(imap.stored()).toHaveLength(40);
  });

  test('forbids TOP: whole messages are read where headers would do', async () => {
    await setUp('  quirks: { topForbidden: { text: TOP crashes this server., source: our own, date: 2026 } }\n');
    pop.behaviour.dropAt = 'TOP';
    // A destination that has the mail already: its source would be probed.
    for (const { bytes } of mail('cellar', 40)) imap.store('INBOX', bytes);
    expect((await rig.sync(list)).account).toMatchObject({ state: 'complete', messages: { duplicate: 40 } });
    // A Redis that has forgotten all: the download waits for the destination's word, and then would probe.
    const forgetful = await rig.redis();
    const again = await rig.sync(list, ['--json', '--redis', forgetful.url]);
    expect(again.account).toMatchObject({ state: 'complete', messages: { appended: 0, duplicate: 40 } });
    const verify = () =>
      rig.haul(['verify', list, '--json', '--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir])
        .ended;
    expect((await verify()).account.state).toBe('complete');
    expect(pop.seen('TOP')).toEqual([]);

    await rig.settings({});
    delete pop.behaviour.dropAt;
    expect((await verify()).account.state).toBe('complete');
    expect(pop.seen('TOP')).toHaveLength(40);
  });

  test('with a mistake stops everything, with its line', async () => {
    await setUp('  limit: 5\n');
    const ended = await rig.sync(list);
    expect(ended.status).toBe(10);
    expect(ended.stderr).toMatch(/own\.yaml line 6: cellar\.limit: /);
    expect(pop.connections).toBe(0);
  });
});
