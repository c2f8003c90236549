/** Why Mailhaul has a POP3 client of its own: what node-pop3 0.11 makes of messages. See docs/decisions/0002. */
import { setTimeout as delay } from 'node:timers/promises';
import Pop3Command from 'node-pop3';
import { afterEach, describe, expect, it } from 'vitest';
import { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { multiline } from '../servers/scripted-pop3-session.ts';
import { connect, KeepingSink, wanted } from './sessions.ts';

const closing: ScriptedPop3[] = [];
afterEach(async () => {
  for (const server of closing.splice(0)) await server.close();
});

// RETR 1 by both clients, with the answer cut into segments of these sizes and a rest.
async function fetchBoth(bytes: Buffer, sizes: number[] = []): Promise<{ theirs: string; ours: Buffer }> {
  const server = await ScriptedPop3.start({ messages: [{ bytes }], pieces: { at: 'RETR 1', sizes } });
  closing.push(server);
  const client = await connect(server);
  const sink = new KeepingSink();
  await client.fetch(wanted([1]), sink);
  client.destroy();
  const other = new Pop3Command({
    host: '127.0.0.1',
    port: server.port,
    user: 'user',
    password: 'secret',
    timeout: 500,
  });
  // Its own timeout closes the socket and leaves the promise pending, so the deadline is ours.
  const theirs = await Promise.race([other.RETR(1), delay(600, 'still waiting')]);
  return { theirs, ours: sink.heard[0]!.bytes! };
}

describe('node-pop3', () => {
  it('leaves dots stuffed', async () => {
    const bytes = Buffer.from('a\r\n.b\r\n..\r\nc\r\n');
    const { theirs, ours } = await fetchBoth(bytes);
    expect(theirs).toBe('a\r\n..b\r\n...\r\nc');
    expect(ours).toEqual(bytes);
  });

  it('drops the CRLF of the last line', async () => {
    const bytes = Buffer.from('a\r\n\r\n\r\n');
    const { theirs, ours } = await fetchBoth(bytes);
    expect(theirs).toBe('a\r\n\r\n');
    expect(ours).toEqual(bytes);
  });

  it('decodes 8-bit bytes and loses them', async () => {
    const bytes = Buffer.from('caf\xe9\r\n', 'latin1');
    const { theirs, ours } = await fetchBoth(bytes);
    expect(theirs).toBe('caf\ufffd');
    expect(ours).toEqual(bytes);
  });

  it('hangs when a segment ends inside the terminator', async () => {
    const bytes = Buffer.from('abc\r\n');
    for (const missing of [1, 2, 4]) {
      const { theirs, ours } = await fetchBoth(bytes, [multiline(bytes).length - missing]);
      expect(theirs).toBe('still waiting');
      expect(ours).toEqual(bytes);
    }
  });

  it('cuts a message short where a segment holds just a line end and a dot', async () => {
    // The line "..b" arrives as the segments "a CRLF", "." and ".b …".
    const bytes = Buffer.from('a\r\n.b and all that follows\r\n');
    const { theirs, ours } = await fetchBoth(bytes, ['+OK\r\na\r\n'.length, '.'.length]);
    expect(theirs).toBe('a\r\n');
    expect(ours).toEqual(bytes);
  });
});
