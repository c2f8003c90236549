/** When a message is whole: its terminator was seen, and what comes behind it is an answer. */
import { describe, expect, it } from 'vitest';
import type { PopBehaviour, ScriptedMessage } from '../servers/scripted-pop3.ts';
import { goodCapabilities } from '../servers/scripted-pop3-session.ts';
import { caught, connect, KeepingSink, serve, until, upTo, wanted } from './sessions.ts';

const small = (count: number): ScriptedMessage[] =>
  upTo(count).map((number) => ({ bytes: Buffer.from(`Subject: ${number}\r\n\r\n.${number}\r\n`), uidl: `u${number}` }));
const oneByOne = { capabilities: goodCapabilities.filter((name) => name !== 'PIPELINING') };

describe('a message', () => {
  it.each([
    ['pipelining-broken', {}],
    ['protocol-error', oneByOne],
  ] as [string, PopBehaviour][])(
    'is none, and the session is dropped as %s, when the text goes on behind its end',
    async (code, behaviour) => {
      // An unstuffed lone dot in the message: what follows is no answer.
      const replies = { 'RETR 1': '+OK\r\nSubject: 1\r\n.\r\nthe rest\r\n.\r\n' };
      const server = await serve({ ...behaviour, messages: small(5), replies });
      const sink = new KeepingSink();
      const error = await caught((await connect(server)).fetch(wanted(upTo(5)), sink));
      expect(error.code).toBe(code);
      expect(sink.heard).toEqual([{ number: 1, bytes: null }]);
    },
  );

  it.each([
    ['the rest comes in one piece', {}],
    ['the rest comes later', { pieces: { at: 'RETR 1', sizes: ['+OK\r\nSubject: 1\r\n.\r\n'.length] } }],
    ['it is one command at a time', oneByOne],
  ] as [string, PopBehaviour][])('tells no end of a last message whose text goes on behind it: %s', async (_, more) => {
    const replies = { 'RETR 1': '+OK\r\nSubject: 1\r\n.\r\nthe rest\r\n.\r\n' };
    const server = await serve({ messages: small(1), replies, ...more });
    const sink = new KeepingSink();
    const error = await caught((await connect(server)).fetch(wanted([1]), sink));
    expect(['pipelining-broken', 'protocol-error']).toContain(error.code);
    expect(sink.heard).toEqual([{ number: 1, bytes: null }]);
  });

  it.each([undefined, 1, 3, 7])(
    'takes no next answer for text of a message whose dot lacks its CRLF (pieces: %s)',
    async (size) => {
      for (const next of ['+OK', '-ERR gone']) {
        const unended = '+OK\r\nSubject: 1\r\n\r\nthe end.\r\n';
        const pieces = size === undefined ? {} : { pieces: { size } };
        const replies = { 'RETR 1': unended, 'RETR 2': `${next}\r\nSubject: 2\r\n\r\nno\r\n.\r\n` };
        const server = await serve({ messages: small(3), replies, ...pieces });
        const sink = new KeepingSink();
        expect((await caught((await connect(server)).fetch(wanted([1, 2, 3]), sink))).code).toBe('pipelining-broken');
        expect(sink.heard).toEqual([{ number: 1, bytes: null }]);
      }
      const server = await serve({ ...oneByOne, messages: [{ bytes: Buffer.from('a.\r\n+OK\r\n') }] });
      const sink = new KeepingSink();
      await (await connect(server)).fetch(wanted([1]), sink);
      expect(sink.heard[0]!.bytes!.toString()).toBe('a.\r\n+OK\r\n');
    },
  );

  it('tells the end of a message behind which nothing came any more', async () => {
    const whole = [{ number: 1, bytes: small(1)[0]!.bytes }];
    for (const behaviour of [{ dropAt: 'RETR 2' }, { hangAt: 'RETR 2' }, { dropAt: 'NOOP' }, { hangAt: 'NOOP' }]) {
      const server = await serve({ ...oneByOne, messages: small(2), ...behaviour });
      const sink = new KeepingSink();
      const client = await connect(server, { popCommandTimeoutMs: 40 });
      await caught(client.fetch(wanted(Object.values(behaviour)[0] === 'NOOP' ? [1] : [1, 2]), sink));
      expect(sink.heard.slice(0, 1)).toEqual(whole);
    }
  });

  it('asks with a NOOP what stands behind the last message, and behind each that waits for the next one', async () => {
    const server = await serve({ ...oneByOne, messages: small(3) });
    const sink = new KeepingSink();
    async function* requests() {
      yield { number: 1, octets: 10 };
      yield { number: 2, octets: 10 };
      await until(() => sink.heard.length === 2 && sink.heard[1]!.bytes !== null);
      yield { number: 3, octets: 10 };
    }
    await (await connect(server)).fetch(requests(), sink);
    const commands = server.transcript.slice(server.transcript.indexOf('RETR 1'));
    expect(commands).toEqual(['RETR 1', 'RETR 2', 'NOOP', 'RETR 3', 'NOOP']);
  });

  it.each([
    ['pipelined', {}],
    ['one at a time', oneByOne],
  ] as [string, PopBehaviour][])('is over when the sink has done with the last message, %s', async (_, behaviour) => {
    const sink = new KeepingSink();
    const end = sink.end.bind(sink);
    sink.end = async () => {
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      return end();
    };
    await (await connect(await serve({ ...behaviour, messages: small(2) }))).fetch(wanted([1, 2]), sink);
    expect(sink.heard.map(({ bytes }) => bytes?.length)).toEqual([18, 18]);
  });
});
