/** Budgets as the servers see them: never more connections, bytes or logins than allowed, and hints obeyed. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import type { HostBudget } from '../../src/limits/budgets.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { compareMailboxes, mailboxContents } from '../servers/witness.ts';
import { expectReport, expectScriptedUntouched, HaulRig, type Row, scriptedRow, side } from './haul-rig.ts';

/** Two names of this machine, so that source and destination have budgets of their own. */
const source = 'localhost';
const destination = '127.0.0.1';
let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

function mail(count: number, size: number): { bytes: Buffer; uidl: string; name: string }[] {
  return Array.from({ length: count }, (_, at) => {
    const head = `Message-ID: <${at}@x>\r\nSubject: ${at}\r\n\r\n`;
    const line = `line ${String(at).padStart(3, '0')} of it\r\n`;
    const body = line.repeat(Math.ceil((size - head.length) / line.length)).slice(0, size - head.length - 2);
    return { bytes: Buffer.from(`${head}${body.replace(/\r$/, 'x')}\r\n`, 'latin1'), uidl: `u${at}`, name: `m${at}` };
  });
}

async function budgets(
  hosts: Readonly<Record<string, Partial<HostBudget>>>,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  await rig.settings({ budgets: JSON.stringify({ hosts }), fairShareMs: '2000', ...more });
}

const fromSource = (pop: ScriptedPop3): Row => ({ ...side('pop', pop.port, 'user', 'secret'), pop_host: source });
const scripted = (pop: ScriptedPop3, imap: ScriptedImap) => rig.list([scriptedRow(pop, imap, fromSource(pop))]);

/** The most that was asked for in any span of so many milliseconds. */
function mostWithin(pop: ScriptedPop3, spanMs: number): number {
  const messages = pop.behaviour.messages!;
  const asked = pop.transcript.flatMap((line, at) => {
    const number = /^RETR (\d+)$/.exec(line)?.[1];
    return number ? [{ at: pop.times[at]!, bytes: messages[Number(number) - 1]!.bytes.length }] : [];
  });
  const spans = asked.map(({ at }) => asked.filter((one) => one.at >= at && one.at < at + spanMs));
  return Math.max(...spans.map((span) => span.reduce((sum, { bytes }) => sum + bytes, 0)));
}

function expectExact(pop: ScriptedPop3, imap: ScriptedImap): void {
  const sorted = (all: readonly Buffer[]) => Buffer.concat([...all].sort(Buffer.compare));
  const wanted = pop.behaviour.messages!.map(({ bytes }) => bytes);
  expect(imap.stored()).toHaveLength(wanted.length);
  expect(sorted(imap.stored()).equals(sorted(wanted))).toBe(true);
}

describe('connections', () => {
  test('of a source are never more than it allows, and every account gets its turn', async () => {
    const pop = await rig.pop({ messages: mail(30, 400), anyUser: true });
    const imap: Dovecot = await rig.dovecot({ protocols: ['imap'] });
    await budgets({ [source]: { connections: 2 } });
    const users = Array.from({ length: 8 }, (_, at) => `user${at}`);
    const rows = users.map((user) => ({
      id: user,
      ...fromSource(pop),
      pop_user: user,
      ...side('imap', imap.imapPort, user, 'pw'),
    }));
    const ended = await rig.sync(await rig.list(rows));
    expect(ended.status, ended.stderr).toBe(0);
    expect(expectReport(ended).totals.messages).toMatchObject({ listed: 240, appended: 240 });
    expect(pop.mostOpen).toBe(2);
    for (const user of users) {
      const there = mailboxContents({ port: imap.imapPort, user, password: 'pw' });
      expect(await compareMailboxes(pop.behaviour.messages as { name: string; bytes: Buffer }[], there)).toMatchObject({
        exact: 30,
        missing: 0,
        extra: 0,
      });
    }
    await expectScriptedUntouched(pop);
  });

  test('of a destination are never more than it allows', async () => {
    const pop = await rig.pop({ messages: mail(10, 400), anyUser: true });
    // Without LITERAL+ each session would like more connections than its two.
    const capabilities = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'SPECIAL-USE', 'UIDPLUS'];
    const imap = await rig.imap({ capabilities });
    await budgets({ [destination]: { connections: 5, connectionsPerAccount: 3 } });
    const rows = Array.from({ length: 6 }, (_, at) => ({
      id: `user${at}`,
      ...fromSource(pop),
      pop_user: `user${at}`,
      ...side('imap', imap.port, `user${at}`, 'pw'),
    }));
    const ended = await rig.sync(await rig.list(rows));
    expect(ended.status, ended.stderr).toBe(0);
    const { appended, duplicate } = expectReport(ended).totals.messages;
    // All share one mailbox there: what one has delivered is a duplicate for the others.
    expect(appended + duplicate).toBe(60);
    expect(imap.mostOpen).toBeGreaterThan(2);
    expect(imap.mostOpen).toBeLessThanOrEqual(5);
  });

  test('that are too few for any session are reported at once', async () => {
    const pop = await rig.pop({ messages: mail(3, 400) });
    const imap = await rig.imap();
    await budgets({ [destination]: { connections: 1 } });
    const ended = await rig.sync(await scripted(pop, imap));
    expect(ended.status).toBe(3);
    expect(ended.account.problems).toMatchObject([{ code: 'budget-too-small', stops: 'host' }]);
    expect(imap.connections).toHaveLength(0);
  });
});

describe('the wishes of a server', () => {
  test('[LOGIN-DELAY n] is obeyed', async () => {
    const pop = await rig.pop({
      messages: mail(3, 400),
      capabilities: ['USER', 'UIDL'],
      replies: { PASS: '-ERR [LOGIN-DELAY 1] too soon\r\n' },
      firstConnectionOnly: true,
    });
    const imap = await rig.imap();
    const ended = await rig.sync(await scripted(pop, imap));
    expect(ended.status).toBe(0);
    expectExact(pop, imap);
    const logins = pop.times.filter((_, at) => /^(?:PASS|AUTH) /.test(pop.transcript[at]!));
    // Those after it look for more mail.
    expect(logins[1]! - logins[0]!).toBeGreaterThanOrEqual(990);
  });

  test('Suggested Backoff Time is obeyed, however short the waits of the settings are', async () => {
    const pop = await rig.pop({ messages: mail(3, 400) });
    let refusedAt = 0;
    const imap = await rig.imap({
      refuse: () => {
        if (refusedAt > 0) return undefined;
        refusedAt = Date.now();
        return 'NO Request is throttled. Suggested Backoff Time: 1200 milliseconds';
      },
    });
    let nextLogin = 0;
    imap.behaviour.login = () => {
      if (refusedAt > 0 && nextLogin === 0) nextLogin = Date.now();
      return undefined;
    };
    const ended = await rig.sync(await scripted(pop, imap));
    expect(ended.status, ended.stdout).toBe(0);
    expectExact(pop, imap);
    expect(nextLogin - refusedAt).toBeGreaterThanOrEqual(1190);
  });

  test('a server with too many connections is tried for longer than others, and the run completes', async () => {
    let refused = 0;
    const pop = await rig.pop({ messages: mail(3, 400) });
    const imap = await rig.imap({
      login: () => {
        refused += 1;
        return refused <= 6 ? 'NO [ALERT] Too many simultaneous connections' : undefined;
      },
    });
    const ended = await rig.sync(await scripted(pop, imap));
    expect(ended.status).toBe(0);
    expectExact(pop, imap);
    expect(refused).toBeGreaterThan(6);
  });
});

describe('the bytes of a day', () => {
  const day = { budgetDayMs: '2500' };
  /** What is asked for in time is seen late on a busy machine, and then comes closer to what follows. */
  const seenSpanMs = 1900;

  test('that a source gives are never exceeded in any span, and the run goes on when they are free', async () => {
    const pop = await rig.pop({ messages: mail(10, 1000) });
    const imap = await rig.imap();
    await budgets({ [source]: { downloadBytesPerDay: 4000 } }, day);
    const ended = await rig.sync(await scripted(pop, imap));
    expect(ended.status, ended.stdout).toBe(0);
    expectExact(pop, imap);
    expect(mostWithin(pop, seenSpanMs)).toBe(4000);
    await expectScriptedUntouched(pop);
  });

  test('a sync that would wait too long ends as incomplete and names the time; the next one goes on', async () => {
    const pop = await rig.pop({ messages: mail(6, 1000) });
    const imap = await rig.imap();
    const longer = { budgetDayMs: '8000' };
    await budgets({ [source]: { downloadBytesPerDay: 4000 } }, { ...longer, syncWaitMaxMs: '500' });
    const list = await scripted(pop, imap);
    const ended = await rig.sync(list);
    expect(ended.status).toBe(3);
    expectReport(ended);
    expect(ended.account).toMatchObject({ state: 'incomplete', messages: { listed: 6, appended: 4, pending: 2 } });
    const [problem] = ended.account.problems;
    expect(problem).toMatchObject({ code: 'budget-waits', count: 1 });
    expect(problem!.text).toMatch(/until \d\d:\d\d:\d\d UTC, because localhost allows 4 kB in 8 s$/);
    await budgets({ [source]: { downloadBytesPerDay: 4000 } }, longer);
    const next = await rig.sync(list);
    expect(next.status).toBe(0);
    expect(next.account.messages).toMatchObject({ known: 4, appended: 2 });
    // Mail of the first run that came late is still mail of the first run.
    expect(imap.mailboxes.get('INBOX')!.messages.every(({ flags }) => flags.includes('\\Seen'))).toBe(true);
    expectExact(pop, imap);
    expect(mostWithin(pop, 7000)).toBe(4000);
  });

  test('that a destination takes are never exceeded, and the run goes on when they are free', async () => {
    const pop = await rig.pop({ messages: mail(9, 1000) });
    const imap = await rig.imap();
    await budgets({ [destination]: { uploadBytesPerDay: 3500 } }, { budgetDayMs: '60000', syncWaitMaxMs: '500' });
    const list = await scripted(pop, imap);
    const ended = await rig.sync(list);
    expect(ended.status).toBe(3);
    expect(ended.account).toMatchObject({ state: 'incomplete', messages: { listed: 9, appended: 3, pending: 6 } });
    expect(ended.account.problems).toMatchObject([{ code: 'budget-waits' }]);
    expect(imap.stored()).toHaveLength(3);
    await budgets({ [destination]: { uploadBytesPerDay: 3500 } }, day);
    const next = await rig.sync(list);
    expect(next.status).toBe(0);
    expectExact(pop, imap);
  });

  test('let a message through that is larger than all of them, and the report says so', async () => {
    const pop = await rig.pop({ messages: [...mail(2, 1000), { bytes: mail(1, 9000)[0]!.bytes, uidl: 'big' }] });
    const imap = await rig.imap();
    await budgets({ [source]: { downloadBytesPerDay: 4000 }, [destination]: { uploadBytesPerDay: 4000 } }, day);
    const ended = await rig.sync(await scripted(pop, imap));
    expect(ended.status, ended.stdout).toBe(0);
    expect(ended.account.problems).toMatchObject([{ code: 'budget-oversized', stops: 'none', count: 1 }]);
    expect(imap.stored()).toHaveLength(3);
  });
});

describe('rates', () => {
  test('pace logins, messages and bytes', async () => {
    const pop = await rig.pop({ messages: mail(20, 1000) });
    const imap = await rig.imap();
    await budgets({ [source]: { messagesPerSecond: 10, bytesPerSecond: 5000 }, [destination]: { loginsPerSecond: 1 } });
    const logins: number[] = [];
    imap.behaviour.login = () => {
      logins.push(Date.now());
      return undefined;
    };
    const ended = await rig.sync(await scripted(pop, imap));
    expect(ended.status).toBe(0);
    expectExact(pop, imap);
    // What is sent in time is seen late on a busy machine, and then comes closer to what follows; without the budget
    // all of it would come at once.
    expect(mostWithin(pop, 950)).toBeLessThanOrEqual(10_000);
    expect(logins[1]! - logins[0]!).toBeGreaterThanOrEqual(600);
  });
});
