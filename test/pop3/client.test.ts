import { describe, expect, it } from 'vitest';
import type { UidlKeys } from '../../src/pop3/early-keys.ts';
import type { PopSink } from '../../src/pop3/sink.ts';
import { hugeMessage } from '../servers/made-mail.ts';
import type { PopBehaviour } from '../servers/scripted-pop3.ts';
import { goodCapabilities } from '../servers/scripted-pop3-session.ts';
import { caught, connect, KeepingSink, serve, until, wanted } from './sessions.ts';

const messages = [
  { bytes: Buffer.from('a\r\n'), uidl: 'one' },
  { bytes: Buffer.from('bcd\r\n'), uidl: 'two' },
];
/** A key that is the beginning of the unique id. */
const copyOf: UidlKeys['write'] = (to, at, uidls, from) => void uidls.copy(to, at, from, from + 3);
const longLines = Array.from({ length: 500 }, (_, n) => `${n + 1} 1${' '.repeat(4000)}\r\n`);
const endless = `+OK\r\n${longLines.join('')}`;
const oneByOne = { capabilities: goodCapabilities.filter((name) => name !== 'PIPELINING') };

describe('listing', () => {
  it.each([
    ['together, and with CAPA', {}, 3],
    ['one after the other', oneByOne, 1],
  ] as [string, PopBehaviour, number][])('asks UIDL and LIST %s', async (_, behaviour, waiting) => {
    const server = await serve({ ...behaviour, messages });
    const listing = await (await connect(server)).list();
    expect(server.transcript.slice(-3)).toEqual(['CAPA', 'UIDL', 'LIST']);
    expect(server.mostWaiting).toBe(waiting);
    expect([listing.length, listing.octets(1), listing.uidl(1).toString()]).toEqual([2, 5, 'two']);
  });

  it('may be empty, in every cut of its answers', async () => {
    const server = await serve({ pieces: { size: 1 } });
    const listing = await (await connect(server)).list();
    expect([listing.length, listing.hasUidl]).toEqual([0, true]);
  });

  it('tries UIDL where the server says nothing of it', async () => {
    for (const capabilities of [false as const, ['USER']]) {
      const listing = await (await connect(await serve({ messages, capabilities }))).list();
      expect([listing.hasUidl, listing.uidl(0).toString()]).toEqual([true, 'one']);
    }
  });

  it('goes without UIDL where the server has none', async () => {
    const listing = await (await connect(await serve({ messages, replies: { UIDL: '-ERR what?\r\n' } }))).list();
    expect([listing.length, listing.hasUidl]).toEqual([2, false]);
  });

  describe.each([
    ['where several commands are taken at once', {}],
    ['where one is', oneByOne],
  ] as [string, PopBehaviour][])('that lists what UIDL did not have, %s', (_, behaviour) => {
    /** The server answers UIDL with the first of these, and with the second when it is asked again. */
    const answering = (first: string, second: string) => {
      let asked = 0;
      const replies = {
        get UIDL() {
          asked += 1;
          return asked === 1 ? first : second;
        },
      };
      return serve({ ...behaviour, messages, replies });
    };

    it('asks UIDL again: a message that came in between has its unique id', async () => {
      const server = await answering('+OK\r\n1 one\r\n.\r\n', '+OK\r\n1 one\r\n2 two\r\n3 three\r\n.\r\n');
      const listing = await (await connect(server, { uidlKeys: { bytes: 3, write: copyOf } })).list();
      expect(server.transcript.slice(-3)).toEqual(['UIDL', 'LIST', 'UIDL']);
      expect([listing.length, listing.octets(1), listing.uidl(1).toString()]).toEqual([2, 5, 'two']);
      expect(listing.keys?.toString()).toBe('onetwo');
    });

    it('takes a message for one without unique id when UIDL lacks it again', async () => {
      const server = await answering('+OK\r\n.\r\n', '+OK\r\n2 two\r\n.\r\n');
      const listing = await (await connect(server)).list();
      expect([listing.hasUidlOf(0), listing.hasUidlOf(1), listing.uidl(1).toString()]).toEqual([false, true, 'two']);
      expect(server.seen('UIDL')).toHaveLength(2);
    });

    it('fails clearly when UIDL is refused then', async () => {
      const client = await connect(await answering('+OK\r\n.\r\n', '-ERR maildrop is locked\r\n'));
      expect((await caught(client.list())).code).toBe('account-busy');
    });
  });

  it.each([
    [{ replies: { LIST: '-ERR [SYS/TEMP] no\r\n' } }, 'server-unavailable'],
    [{ replies: { LIST: '-ERR maildrop is locked\r\n' } }, 'account-busy'],
    [{ replies: { LIST: '+OK\r\n2 1\r\n1 1\r\n.\r\n' } }, 'protocol-error'],
    [{ replies: { LIST: endless } }, 'listing-too-large'],
    [{ replies: { UIDL: `+OK\r\n1 ${'x'.repeat(2000)}\r\n.\r\n` } }, 'listing-too-large'],
    [{ cut: { at: 'LIST', afterBytes: 9 } }, 'connection-lost'],
    [{ ...oneByOne, hangAt: 'UIDL' }, 'server-silent'],
    // RFC 1939 §3: only CRLF.CRLF ends an answer.
    [{ ...oneByOne, replies: { LIST: '+OK\n1 5\n.\n' } }, 'protocol-error'],
    [{ stall: { at: 'LIST', afterBytes: 9 } }, 'server-silent'],
    // It answers UIDL and has thrown LIST away.
    [{ oneCommandPerRead: true }, 'pipelining-broken'],
    [{ ...oneByOne, replies: { UIDL: '+OK\r\n.\r\n+OK twice\r\n' } }, 'protocol-error'],
  ] as [PopBehaviour, string][])('fails clearly: %j'.slice(0, 60), async (behaviour, code) => {
    const server = await serve({ messages, ...behaviour });
    const client = await connect(server, { popCommandTimeoutMs: 60, popReadTimeoutMs: 60 });
    expect((await caught(client.list())).code).toBe(code);
  });
});

describe('an idle connection', () => {
  it('repeats the farewell of a server that hangs up', async () => {
    const server = await serve({
      afterLogin: '',
      replies: { LIST: '+OK\r\n.\r\n-ERR Disconnected for inactivity.\r\n' },
    });
    const client = await connect(server);
    await client.list();
    const error = await caught(client.fetch(wanted([1]), new KeepingSink()));
    expect(error.code).toBe('connection-lost');
    expect(error.message).toContain('Disconnected for inactivity');
  });
});

describe('quitting', () => {
  it('does not wait for ever, and never fails once QUIT was sent', async () => {
    for (const behaviour of [{ hangAt: 'QUIT' }, { dropAt: 'QUIT' }, { replies: { QUIT: '-ERR no\r\n' } }]) {
      const server = await serve(behaviour);
      await (await connect(server, { popCapaTimeoutMs: 40 })).quit();
      expect(server.seen('QUIT')).toHaveLength(1);
    }
  });

  it('is not what destroy does', async () => {
    const server = await serve();
    const client = await connect(server);
    client.destroy();
    await expect(client.quit()).rejects.toThrow('on purpose');
    expect(server.seen('QUIT')).toEqual([]);
  });
});

describe('a slow sink', () => {
  const huge = hugeMessage().bytes;

  it('stops the server, and a message of 60 MB passes through in slices', async () => {
    const server = await serve({ messages: [{ bytes: huge }] });
    const client = await connect(server);
    let proceed: () => void = () => {};
    let received = 0;
    let largest = 0;
    let same = true;
    const sink: PopSink = {
      start: () => {},
      data: (chunk) => {
        same &&= chunk.equals(huge.subarray(received, received + chunk.length));
        received += chunk.length;
        largest = Math.max(largest, chunk.length);
        if (proceed !== nothing) return;
        return new Promise<void>((resolve) => {
          proceed = resolve;
        });
      },
      end: () => {},
      refused: () => {},
    };
    const nothing = proceed;
    const fetching = client.fetch(wanted([1]), sink);
    await until(() => proceed !== nothing);
    await stalled(() => server.bytesSent);
    // What the system buffers on a loopback connection, far from the whole.
    expect(server.bytesSent).toBeLessThan(20_000_000);
    expect(received).toBeLessThanOrEqual(65536);
    proceed();
    await fetching;
    expect([received, same]).toEqual([huge.length, true]);
    expect(largest).toBeLessThanOrEqual(131_072);
  });

  it('is not taken for a silent server', async () => {
    const server = await serve({ messages: [{ bytes: huge.subarray(0, 700_000) }] });
    const client = await connect(server, { popReadTimeoutMs: 30, popCommandTimeoutMs: 30 });
    let waits = 0;
    const sink = new KeepingSink();
    sink.data = () => {
      waits += 1;
      return waits > 2 ? undefined : new Promise<void>((resolve) => setTimeout(resolve, 120));
    };
    await client.fetch(wanted([1]), sink);
    expect(sink.heard).toHaveLength(1);
  });

  it('gets its calls one after the other, each after the promise of the one before', async () => {
    const server = await serve({ messages: Array.from({ length: 30 }, () => messages[0]!), pieces: { size: 3 } });
    const client = await connect(server);
    const calls: string[] = [];
    let running = 0;
    const call = (name: string) => async () => {
      running += 1;
      calls.push(running === 1 ? name : `overlapping ${name}`);
      await new Promise(setImmediate);
      running -= 1;
    };
    const numbers = Array.from({ length: 31 }, (_, at) => at + 1);
    await client.fetch(wanted(numbers), { start: call('s'), data: call('d'), end: call('e'), refused: call('r') });
    expect(calls.join('')).toMatch(/^(sd+e){30}r$/);
  });

  it('is waited for even if the server has long gone', async () => {
    const server = await serve({
      messages: [messages[0]!, { bytes: huge.subarray(0, 100_000) }],
      cut: { at: 'RETR 2', afterBytes: 50 },
    });
    const client = await connect(server);
    const sink = new KeepingSink();
    const end = sink.end.bind(sink);
    sink.end = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return end();
    };
    expect((await caught(client.fetch(wanted([1, 2]), sink))).code).toBe('message-cut');
    expect(sink.heard.map(({ bytes }) => bytes?.length ?? null)).toEqual([3, null]);
  });
});

// Resolves when a figure has not moved for a while.
async function stalled(figure: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 20; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    same = figure() === last ? same + 1 : 0;
    last = figure();
  }
}
