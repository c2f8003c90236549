/**
 * A server whose certificate does not verify and who breaks TLS in the same packet makes a socket emit two errors. The
 * second one must find a listener: without one this run ends with an unhandled error, and the service would end.
 */
import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../src/ground/redis.ts';
import { openDoor } from '../../src/imap/door.ts';
import { PopClient } from '../../src/pop3/client.ts';
import { failure } from '../ground/failure.ts';
import { endpoint as doorTo, quick } from '../imap/imap-rig.ts';
import { options, endpoint as sourceAt } from '../pop3/sessions.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { OverrunTlsServer, type PlainTalk } from '../servers/overrun-tls.ts';

const certificates = makeCertificates();
// Where the packet was split the handshake itself fails.
const unverified = /^(?:tls-unverified|tls-not-spoken|tls-failed|starttls-injected)$/;

const imap: PlainTalk = {
  greeting: '* OK hello\r\n',
  answer: (line) => {
    const [tag = ''] = line.split(' ');
    if (/STARTTLS/.test(line)) return { text: `${tag} OK begin\r\n`, tls: true };
    return { text: `* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n${tag} OK done\r\n` };
  },
};
const pop: PlainTalk = {
  greeting: '+OK hello\r\n',
  answer: (line) => (/^STLS/.test(line) ? { text: '+OK begin\r\n', tls: true } : { text: '+OK\r\nSTLS\r\n.\r\n' }),
};

async function serve(talk?: PlainTalk): Promise<number> {
  const server = await OverrunTlsServer.start(certificates, talk);
  onTestFinished(() => server.close());
  return server.port;
}

test.each(['tls', 'starttls'] as const)('a destination by %s', async (security) => {
  const port = await serve(security === 'tls' ? undefined : imap);
  expect((await failure(openDoor(doorTo(port, { security }), quick))).code).toMatch(unverified);
});

test.each(['tls', 'starttls'] as const)('a source by %s', async (security) => {
  const port = await serve(security === 'tls' ? undefined : pop);
  const error = await failure(PopClient.connect(sourceAt({ port }, { security }), options()));
  expect(error.code).toMatch(unverified);
});

test('Redis', async () => {
  const limits = { redisStartTimeoutMs: 500, redisLostAfterMs: 2000 };
  const error = await failure(connectRedis(`rediss://127.0.0.1:${await serve()}`, limits));
  expect(error.code).toBe('redis-unreachable');
});
