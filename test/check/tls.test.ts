import { afterEach, describe, expect, it } from 'vitest';
import { shownFingerprint, speaksTls } from '../../src/check/tls.ts';
import { directTransport } from '../../src/transport/transport.ts';
import { fingerprintOf, makeSelfSigned } from '../servers/certificates.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { ScriptedPop3 } from '../servers/scripted-pop3.ts';

const { key, cert } = makeSelfSigned();
const opening = { timeoutMs: 20_000 };
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function seen(side: 'pop3' | 'imap', security: 'tls' | 'starttls', offers = true) {
  const implicit = security === 'tls';
  const tls = offers ? { key, cert, implicit } : undefined;
  const server =
    side === 'imap'
      ? await ScriptedImap.start({ ...(tls && { tls }) })
      : await ScriptedPop3.start({ ...(tls && { tls, implicitTls: implicit }) });
  ends.push(() => (server instanceof ScriptedImap ? server.stop() : server.close()));
  const target = { host: '127.0.0.1', port: server.port, security };
  return { server, target, fingerprint: await shownFingerprint(target, side, directTransport, opening) };
}

describe('the fingerprint of a certificate that nobody verified', () => {
  it.each([
    ['pop3', 'tls'],
    ['pop3', 'starttls'],
    ['imap', 'tls'],
    ['imap', 'starttls'],
  ] as const)('is seen at %s by %s', async (side, security) => {
    expect((await seen(side, security)).fingerprint).toBe(fingerprintOf({ cert }));
  });

  it('is not there where a server has no TLS, or does not answer', async () => {
    const { server, target, fingerprint } = await seen('imap', 'starttls', false);
    expect(fingerprint).toBeUndefined();
    const words = (server as ScriptedImap).connections.flatMap(({ commands }) => commands);
    expect(words).toEqual(['a STARTTLS']);
    expect(await speaksTls(target, directTransport, opening)).toBe(false);
    const stop = AbortSignal.abort(new Error('stopped'));
    expect(await shownFingerprint(target, 'imap', directTransport, { ...opening, signal: stop })).toBeUndefined();
  });
});
