/** The two connections of a session: on their way together, and no password is tried twice. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { useRedis } from '../ledger/redis-rig.ts';
import type { ImapBehaviour } from '../servers/scripted-imap.ts';
import { mail, SessionRig } from './session-rig.ts';

const redis = useRedis();

const plain: ImapBehaviour = { capabilitiesBefore: ['IMAP4rev1'] };
const logins = ({ imap }: SessionRig) =>
  imap.connections.flatMap(({ commands }) => commands.filter((text) => / LOGIN /.test(text)));

async function rigOf(behaviour: ImapBehaviour, settings = {}): Promise<SessionRig> {
  const rig = await SessionRig.make(redis, { ...plain, ...behaviour }, settings);
  await rig.spool({ one: mail('one') });
  return rig;
}

/** A way to the destination on which the second connection ends when the first one logs in. */
async function impatient(rig: SessionRig): Promise<void> {
  const waiting: Socket[] = [];
  const relay = createServer((client) => {
    const server = connect(rig.imap.port, '127.0.0.1');
    waiting.push(client);
    client.on('error', () => {}).on('close', () => server.destroy());
    server.on('error', () => {}).on('close', () => client.destroy());
    server.pipe(client);
    client.on('data', (bytes: Buffer) => {
      if (bytes.includes(' LOGIN ') && waiting.length === 2) waiting.find((each) => each !== client)?.destroy();
      server.write(bytes);
    });
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  onTestFinished(() => void relay.close());
  rig.port = (relay.address() as AddressInfo).port;
}

test('both are there before the first login, and both log in', async () => {
  const open: number[] = [];
  const rig: SessionRig = await rigOf({
    answer: (text) => {
      if (/ LOGIN /.test(text)) open.push(rig.imap.connections.length);
      return undefined;
    },
  });
  expect((await rig.session()).end).toBe('done');
  expect([open[1], rig.imap.connections.length, logins(rig).length]).toEqual([2, 2, 2]);
});

test('a refused password is said once', async () => {
  const rig = await rigOf({
    answer: (text) => (/ LOGIN /.test(text) ? 'TAG NO [AUTHENTICATIONFAILED] no\r\n' : undefined),
  });
  expect((await rig.session()).end).toBe('credentials-refused');
  expect(logins(rig)).toHaveLength(1);
});

test('the second says nothing while the first has no answer', async () => {
  const rig = await rigOf({ answer: (text) => (/ LOGIN /.test(text) ? '' : undefined) }, { imapLoginTimeoutMs: 200 });
  expect((await rig.session()).end).toBe('server-silent');
  expect(logins(rig)).toHaveLength(1);
});

test('a server that does not wait for the second login is connected to again', async () => {
  const rig = await rigOf({});
  await impatient(rig);
  expect((await rig.session()).run).toMatchObject({ appended: 1 });
  expect([rig.imap.connections.length, logins(rig).length]).toEqual([3, 2]);
});
