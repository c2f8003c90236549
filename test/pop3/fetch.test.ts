import { describe, expect, it } from 'vitest';
import type { PopRequest } from '../../src/pop3/sink.ts';
import { type MadeMessage, madeMail } from '../servers/made-mail.ts';
import type { PopBehaviour, ScriptedMessage } from '../servers/scripted-pop3.ts';
import { goodCapabilities, multiline } from '../servers/scripted-pop3-session.ts';
import { caught, connect, KeepingSink, serve, until, upTo, wanted } from './sessions.ts';

// What RETR can carry: a real server adds a CRLF where the message has none at its end.
function carried(bytes: Buffer): Buffer {
  const complete = bytes.length === 0 || bytes.subarray(-2).equals(Buffer.from('\r\n'));
  return complete ? bytes : Buffer.concat([bytes, Buffer.from('\r\n')]);
}

const made: MadeMessage[] = [...madeMail(), { name: 'nothing', bytes: Buffer.alloc(0) }];
const madeMessages: ScriptedMessage[] = made.map(({ bytes }) => ({ bytes: carried(bytes) }));
const small = (count: number): ScriptedMessage[] =>
  upTo(count).map((number) => ({ bytes: Buffer.from(`Subject: ${number}\r\n\r\n.${number}\r\n`), uidl: `u${number}` }));
const oneByOne = { capabilities: goodCapabilities.filter((name) => name !== 'PIPELINING') };

describe('fetching', () => {
  it.each([
    ['pipelined', {}],
    ['one at a time', oneByOne],
    ['pipelined, in pieces of 777 bytes', { pieces: { size: 777 } }],
  ] as [string, PopBehaviour][])('gives every shape of message byte for byte, %s', async (_, behaviour) => {
    const server = await serve({ ...behaviour, messages: madeMessages });
    const client = await connect(server);
    const sink = new KeepingSink();
    await client.fetch(wanted(upTo(made.length)), sink);
    expect(sink.heard.map(({ number }) => number)).toEqual(upTo(made.length));
    for (const [at, { name }] of made.entries()) {
      expect(sink.heard[at]!.bytes!.equals(madeMessages[at]!.bytes), name).toBe(true);
    }
    await client.quit();
    expect(server.seen('DELE')).toEqual([]);
    expect(server.transcript.at(-1)).toBe('QUIT');
  });

  it('passes a refusal on and goes on with the next', async () => {
    const server = await serve({ messages: small(3), replies: { 'RETR 2': '-ERR [X] message\x1b[31mgone\r\n' } });
    const sink = new KeepingSink();
    await (await connect(server)).fetch(wanted([1, 2, 3]), sink);
    expect(sink.heard[1]).toEqual({ number: 2, refused: '-ERR [X] message [31mgone' });
    expect(sink.heard.map(({ bytes }) => bytes?.length)).toEqual([18, undefined, 18]);
  });

  it('fetches headers alone with TOP', async () => {
    const server = await serve({ messages: small(2) });
    const sink = new KeepingSink();
    async function* requests() {
      yield { number: 1, octets: 5_000_000, headersOnly: true };
      yield { number: 2, octets: 10 };
    }
    await (await connect(server)).fetch(requests(), sink);
    expect(server.transcript.slice(-3)).toEqual(['TOP 1 0', 'RETR 2', 'NOOP']);
    expect(sink.heard[0]!.bytes!.toString()).toBe('Subject: 1\r\n\r\n');
  });

  it('can be called again, and with nothing', async () => {
    const client = await connect(await serve({ messages: small(2) }));
    await client.fetch(wanted([]), new KeepingSink());
    const sink = new KeepingSink();
    await client.fetch(wanted([2]), sink);
    await client.fetch(wanted([1]), sink);
    expect(sink.heard.map(({ number }) => number)).toEqual([2, 1]);
  });
});

describe('the window', () => {
  it('has as many commands in flight as allowed, and no more', async () => {
    const server = await serve({ messages: small(50), holdUntil: { verb: 'RETR', waiting: 7 } });
    const sink = new KeepingSink();
    await (await connect(server, { popPipelineCommands: 7 })).fetch(wanted(upTo(50)), sink);
    expect(server.mostWaiting).toBe(7);
    expect(sink.heard).toHaveLength(50);
  });

  it('has as many listed octets in flight as allowed, and no more', async () => {
    const server = await serve({ messages: small(20), holdUntil: { verb: 'RETR', waiting: 4 } });
    await (await connect(server, { popPipelineMaxBytes: 1000 })).fetch(wanted(upTo(20), 250), new KeepingSink());
    expect(server.mostWaiting).toBe(4);
  });

  it('that was full is filled again when half of it is answered', async () => {
    const server = await serve({ messages: small(30) });
    const sink = new KeepingSink();
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const sent: number[] = [];
    const end = sink.end.bind(sink);
    sink.end = async () => {
      end();
      const answered = sink.heard.length;
      // Through the event loop a few times: a command that was due has reached the server.
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      sent[answered] = server.seen('RETR').length;
      if (answered === 7) await held;
    };
    const fetching = (await connect(server, { popPipelineCommands: 8 })).fetch(wanted(upTo(30)), sink);
    await until(() => server.seen('RETR').length === 12);
    expect(sent.slice(1, 4)).toEqual([8, 8, 8]);
    goOn();
    await fetching;
    expect(sink.heard).toHaveLength(30);
  });

  it('counts a header for what headers have, not for its message', async () => {
    const server = await serve({ messages: small(9), holdUntil: { verb: 'TOP', waiting: 6 } });
    async function* requests() {
      for (const number of upTo(9)) yield { number, octets: 5_000_000, headersOnly: true };
    }
    const client = await connect(server, { popPipelineMaxBytes: 100_000 });
    await client.fetch(requests(), new KeepingSink());
    expect(server.mostWaiting).toBe(6);
  });

  it('always has room for one, however large', async () => {
    const server = await serve({ messages: small(5) });
    const sink = new KeepingSink();
    const client = await connect(server, { popPipelineMaxBytes: 10 });
    await client.list();
    server.mostWaiting = 0;
    await client.fetch(wanted(upTo(5), 1_000_000), sink);
    expect(server.mostWaiting).toBe(1);
    expect(sink.heard).toHaveLength(5);
  });

  it('is one command where the server lists no PIPELINING', async () => {
    const server = await serve({ ...oneByOne, messages: small(5) });
    await (await connect(server)).fetch(wanted(upTo(5)), new KeepingSink());
    expect(server.mostWaiting).toBe(1);
  });

  it('pulls a request only when there is room for it', async () => {
    const server = await serve({ messages: small(9), holdUntil: { verb: 'RETR', waiting: 100 } });
    const client = await connect(server, { popPipelineCommands: 3 });
    let pulled = 0;
    async function* requests(): AsyncGenerator<PopRequest> {
      for (const number of upTo(9)) {
        pulled += 1;
        yield { number, octets: 10 };
      }
    }
    const fetching = client.fetch(requests(), new KeepingSink());
    await until(() => server.seen('RETR').length === 3);
    expect(pulled).toBe(3);
    server.release();
    await fetching;
    expect(pulled).toBe(9);
  });
});

describe('waiting for requests', () => {
  it.each([
    ['pipelined', {}],
    ['one at a time', oneByOne],
  ] as [string, PopBehaviour][])(
    'keeps the connection open with NOOP, never in mid-message, %s',
    async (_, behaviour) => {
      const server = await serve({ ...behaviour, messages: small(3) });
      const client = await connect(server, { popNoopMs: 5 });
      async function* requests() {
        yield { number: 1, octets: 10 };
        await until(() => server.seen('NOOP').length >= 3);
        yield { number: 2, octets: 10 };
        yield { number: 3, octets: 10 };
      }
      const sink = new KeepingSink();
      await client.fetch(requests(), sink);
      expect(sink.heard.map(({ bytes }) => bytes!.length)).toEqual([18, 18, 18]);
      const commands = server.transcript.slice(server.transcript.indexOf('RETR 1'));
      expect(commands.filter((line) => line !== 'NOOP')).toEqual(['RETR 1', 'RETR 2', 'RETR 3']);
      expect(commands[1]).toBe('NOOP');
    },
  );

  it('sends no NOOP while a message is awaited', async () => {
    const server = await serve({ messages: small(1), holdUntil: { verb: 'RETR', waiting: 100 } });
    const client = await connect(server, { popNoopMs: 5 });
    let more: () => void = () => {};
    async function* requests() {
      yield { number: 1, octets: 10 };
      await new Promise<void>((resolve) => {
        more = resolve;
      });
    }
    const sink = new KeepingSink();
    const fetching = client.fetch(requests(), sink);
    await until(() => server.seen('RETR').length === 1);
    const began = performance.now();
    await until(() => performance.now() - began > 50);
    expect(server.seen('NOOP')).toEqual([]);
    server.release();
    await until(() => sink.heard[0]?.bytes != null);
    expect(sink.heard[0]!.bytes).toHaveLength(18);
    expect(server.seen('NOOP')).toHaveLength(1);
    more();
    await fetching;
  });

  it('notices that the server hangs up meanwhile, and lets go of the requests', async () => {
    const server = await serve({ messages: small(1) });
    const client = await connect(server);
    let given = false;
    let returned = false;
    const requests = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          if (given) return new Promise<IteratorResult<PopRequest>>(() => {});
          given = true;
          return Promise.resolve({ done: false, value: { number: 1, octets: 10 } });
        },
        return: () => {
          returned = true;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };
    const sink = new KeepingSink();
    const fetching = caught(client.fetch(requests, sink));
    await until(() => sink.heard[0]?.bytes != null);
    server.cutAll();
    expect((await fetching).code).toBe('connection-lost');
    expect(returned).toBe(true);
  });
});

describe('a session that goes wrong', () => {
  it('is cut in mid-message, wherever: no end is told', async () => {
    const answer = multiline(Buffer.from('a\r\n.b\r\n'));
    for (let afterBytes = 5; afterBytes < answer.length; afterBytes += 1) {
      const server = await serve({
        messages: [{ bytes: Buffer.from('a\r\n.b\r\n') }],
        cut: { at: 'RETR', afterBytes },
      });
      const sink = new KeepingSink();
      const error = await caught((await connect(server)).fetch(wanted([1]), sink));
      expect([afterBytes, error.code]).toEqual([afterBytes, 'message-cut']);
      expect(sink.heard).toEqual([{ number: 1, bytes: null }]);
    }
  });

  it('is lost between messages', async () => {
    for (const behaviour of [{ dropAt: 'RETR 2' }, { cut: { at: 'RETR 2', afterBytes: 3 } }]) {
      const server = await serve({ messages: small(3), ...behaviour });
      const sink = new KeepingSink();
      expect((await caught((await connect(server)).fetch(wanted([1, 2, 3]), sink))).code).toBe('connection-lost');
      expect(sink.heard.every(({ bytes }) => bytes !== null)).toBe(true);
    }
  });

  it('is given up when the server falls silent, in a message or before it', async () => {
    for (const [behaviour, limits] of [
      [{ stall: { at: 'RETR 2', afterBytes: 12 } }, { popReadTimeoutMs: 40 }],
      [{ hangAt: 'RETR 2' }, { popCommandTimeoutMs: 40 }],
    ] as const) {
      const client = await connect(await serve({ messages: small(3), ...oneByOne, ...behaviour }), limits);
      const error = await caught(client.fetch(wanted([1, 2, 3]), new KeepingSink()));
      expect([error.code, error.details['during'], error.details['seconds']]).toEqual([
        'server-silent',
        'message 2',
        0.04,
      ]);
    }
  });

  it('does not take one that trickles for silent', async () => {
    const server = await serve({
      messages: small(1),
      pieces: { at: 'RETR 1', sizes: Array.from({ length: 14 }, () => 2) },
    });
    const sink = new KeepingSink();
    await (await connect(server, { popReadTimeoutMs: 150, popCommandTimeoutMs: 150 })).fetch(wanted([1]), sink);
    expect(sink.heard[0]!.bytes).toHaveLength(18);
  });

  it('takes one for silent that gives less than it must', async () => {
    const server = await serve({
      messages: [{ bytes: Buffer.alloc(2000, 'x') }],
      pieces: { at: 'RETR 1', sizes: Array.from({ length: 400 }, () => 5) },
    });
    const limits = { popReadTimeoutMs: 150, popSlowestBytesPerSecond: 10_000 };
    const error = await caught((await connect(server, limits)).fetch(wanted([1]), new KeepingSink()));
    expect(error.code).toBe('server-silent');
    expect(error.message).toMatch(/for 0\.15 s during message 1 but for \d+ bytes/);
  });

  it('is dropped when a status line is endless', async () => {
    const server = await serve({ ...oneByOne, messages: small(1), replies: { RETR: `+OK ${'x'.repeat(5000)}\r\n` } });
    const client = await connect(server, { popStatusLineMaxBytes: 1000 });
    expect((await caught(client.fetch(wanted([1]), new KeepingSink()))).code).toBe('protocol-error');
  });

  it('ends with what the sink or the requests throw, unchanged, and without QUIT', async () => {
    const reason = new Error('the disk is full');
    const faults: Partial<KeepingSink>[] = [
      { start: () => Promise.reject(reason) },
      {
        data: () => {
          throw reason;
        },
      },
      { end: () => Promise.reject(reason) },
      { refused: () => Promise.reject(reason) },
    ];
    for (const fault of faults) {
      const server = await serve({ messages: small(2) });
      const client = await connect(server);
      const sink = Object.assign(new KeepingSink(), fault);
      await expect(client.fetch(wanted([9, 1, 2]), sink)).rejects.toBe(reason);
      await expect(client.fetch(wanted([1]), new KeepingSink())).rejects.toBe(reason);
      await expect(client.quit()).rejects.toBe(reason);
      expect(server.seen('QUIT')).toEqual([]);
    }
    const client = await connect(await serve());
    // biome-ignore lint/correctness/useYield: it throws before it gets there
    async function* broken(): AsyncGenerator<PopRequest> {
      throw reason;
    }
    await expect(client.fetch(broken(), new KeepingSink())).rejects.toBe(reason);
  });

  it('stops at once when the signal fires or the client is destroyed', async () => {
    const reason = new Error('stop');
    const controller = new AbortController();
    const server = await serve({ messages: small(2), hangAt: 'RETR 2' });
    const fetching = (await connect(server, { signal: controller.signal })).fetch(wanted([1, 2]), new KeepingSink());
    const outcome = expect(fetching).rejects.toBe(reason);
    await until(() => server.seen('RETR').length === 2);
    controller.abort(reason);
    await outcome;
    const client = await connect(server);
    const other = caught(client.fetch(wanted([2]), new KeepingSink()));
    client.destroy();
    expect((await other).code).toBe('connection-lost');
  });
});
