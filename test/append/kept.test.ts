/** Sessions of one login that follow each other: the second goes on with the connections of the first. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { KeptConnections } from '../../src/append/kept.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { until } from '../pop3/sessions.ts';
import type { ImapBehaviour } from '../servers/scripted-imap.ts';
import { mail, SessionRig } from './session-rig.ts';

const redis = useRedis();
const limits = { destinationIdleMs: 60_000, imapSessions: 2 };

/** A rig that has had a session. */
async function served(kept: KeptConnections, behaviour: ImapBehaviour = {}, settings = {}): Promise<SessionRig> {
  const rig = await SessionRig.make(redis, behaviour, settings);
  onTestFinished(() => kept.close());
  rig.kept = kept;
  await again(rig, 'one');
  return rig;
}

/** Another session, which has a message to bring. */
async function again(rig: SessionRig, name: string) {
  await rig.spool({ [name]: mail(name) });
  const ended = await rig.session();
  expect(ended).toMatchObject({ end: 'done', problems: [] });
  return ended;
}

const said = ({ imap }: SessionRig, verb: string) =>
  imap.connections.flatMap(({ commands }) => commands.filter((text) => text.split(' ')[1] === verb)).length;
const logins = (rig: SessionRig) => said(rig, 'AUTHENTICATE');

describe('the connections of a session', () => {
  test('serve the next one, which asks whether they are alive and looks at the mailbox anew', async () => {
    const rig = await served(new KeptConnections(limits));
    const { run } = await again(rig, 'two');
    expect(run.appended).toBe(2);
    expect([logins(rig), said(rig, 'NOOP'), said(rig, 'SELECT'), said(rig, 'LOGOUT')]).toEqual([2, 2, 2, 0]);
    expect(rig.imap.stored('INBOX')).toHaveLength(2);
  });

  test('are replaced without a word where they have ended', async () => {
    const rig = await served(new KeptConnections(limits));
    rig.imap.dropAll();
    expect((await again(rig, 'two')).run.appended).toBe(2);
    expect(logins(rig)).toBe(4);
  });

  test('are replaced without a word where they give no sign of life', async () => {
    const rig = await served(new KeptConnections(limits), { answer: (text) => (/ NOOP$/.test(text) ? '' : undefined) });
    expect((await again(rig, 'two')).run.appended).toBe(2);
    expect(logins(rig)).toBe(4);
  });

  test('are closed when the login has changed', async () => {
    const rig = await served(new KeptConnections(limits));
    rig.password = 'another';
    await again(rig, 'two');
    expect(logins(rig)).toBe(4);
    await until(() => said(rig, 'LOGOUT') === 2);
  });

  test('are closed when the time is up, when they shall go, and when the process ends', async () => {
    const brief = await served(new KeptConnections({ ...limits, destinationIdleMs: 20 }));
    await until(() => said(brief, 'LOGOUT') === 2);
    const stop = new AbortController();
    const kept = new KeptConnections(limits);
    const rig = await SessionRig.again(redis, brief);
    Object.assign(rig, { kept, signal: stop.signal });
    await again(rig, 'two');
    stop.abort();
    await until(() => said(rig, 'LOGOUT') === 4);
    rig.signal = new AbortController().signal;
    await again(rig, 'three');
    kept.close();
    await until(() => said(rig, 'LOGOUT') === 6);
  });

  test.each([
    ['the settings say so', { ...limits, destinationIdleMs: 0 }, {}],
    ['connections to the host are limited', limits, { budgets: { default: { connections: 2 }, hosts: {} } }],
  ])('are not kept where %s', async (_, given, settings) => {
    const rig = await served(new KeptConnections(given), {}, settings);
    await until(() => said(rig, 'LOGOUT') === 2);
    await again(rig, 'two');
    expect(logins(rig)).toBe(4);
  });
});

test('the connections of no more logins are kept than have sessions at once', async () => {
  const kept = new KeptConnections({ ...limits, imapSessions: 1 });
  const one = await served(kept);
  const other = await SessionRig.again(redis, one);
  Object.assign(other, { kept, user: 'bob' });
  await again(other, 'two');
  await until(() => said(one, 'LOGOUT') === 2);
});
