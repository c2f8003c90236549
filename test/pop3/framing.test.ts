import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Framing } from '../../src/pop3/framing.ts';
import { multiline, stuff } from '../servers/scripted-pop3-session.ts';

/** What a reader of the stream was told: each answer as its status line and, if one followed, its body. */
interface Heard {
  line: string;
  body?: Buffer;
}

// Feeds the chunks and gathers what comes out; a status line that begins with +OK opens a body.
function hear(chunks: Buffer[], lineMaxBytes = 8192): { heard: Heard[]; open: boolean; overlong: boolean } {
  const framing = new Framing(lineMaxBytes);
  const heard: Heard[] = [];
  let parts: Buffer[] | undefined;
  for (const chunk of chunks) {
    framing.push(chunk);
    for (let part = framing.next(); part !== 'more'; part = framing.next()) {
      if (part === 'overlong') return { heard, open: parts !== undefined, overlong: true };
      if (part === 'line') {
        heard.push({ line: framing.line.toString('latin1') });
        if (framing.line[0] !== 43) continue;
        framing.expectBody();
        parts = [];
      } else if (part === 'data') parts!.push(Buffer.from(framing.data));
      else {
        heard.at(-1)!.body = Buffer.concat(parts!);
        parts = undefined;
      }
    }
  }
  return { heard, open: parts !== undefined, overlong: false };
}

const crlf = '\r\n';
const shapes: Record<string, Buffer> = {
  empty: Buffer.from(''),
  'only a line end': Buffer.from(crlf),
  'only a dot': Buffer.from('.\r\n'),
  'two dots': Buffer.from('..\r\n'),
  'lone dots between lines': Buffer.from('a\r\n.\r\nb\r\n.\r\n'),
  'leading dots': Buffer.from('.a\r\n..b\r\n...c\r\n'),
  'dot then CR': Buffer.from('.\r\r\n'),
  'dot, CR, text': Buffer.from('.\rx\r\n'),
  'dot then LF': Buffer.from('.\nx\r\n'),
  'bare LF dot CRLF': Buffer.from('a\n.\r\nb\r\n'),
  'bare LF dot LF': Buffer.from('a\n.\nb\r\n'),
  'CR dot CRLF': Buffer.from('a\r.\r\nb\r\n'),
  'bare CR': Buffer.from('a\rb\r\r\n'),
  'CR CR LF': Buffer.from('a\r\r\nb\r\r\n.c\r\r\n'),
  'LF CR': Buffer.from('a\n\rb\n\r\r\n'),
  NUL: Buffer.from('a\0b\r\n\0\r\n'),
  '8-bit that is no UTF-8': Buffer.from([0xe4, 0xff, 0xfe, 0x80, 13, 10, 46, 0xc3, 13, 10]),
  'what looks like answers': Buffer.from('+OK\r\n-ERR no\r\n.\r\n+OK\r\n'),
};

function transcript(bodies: Buffer[]): { stream: Buffer; expected: Heard[] } {
  const stream = Buffer.concat([...bodies.map(multiline), Buffer.from('-ERR the last\r\n')]);
  return { stream, expected: [...bodies.map((body) => ({ line: '+OK', body })), { line: '-ERR the last' }] };
}

describe('framing of every shape', () => {
  it.each(Object.entries(shapes))('gives the bytes whole, byte by byte and cut at every position: %s', (_, bytes) => {
    const { stream, expected } = transcript([bytes]);
    expect(hear([stream]).heard).toEqual(expected);
    expect(hear([...stream].map((byte) => Buffer.from([byte]))).heard).toEqual(expected);
    for (let at = 0; at <= stream.length; at += 1) {
      expect(hear([stream.subarray(0, at), stream.subarray(at)]).heard, `cut at ${at}`).toEqual(expected);
    }
  });

  it('gives all shapes in one stream, cut at every two positions', () => {
    const { stream, expected } = transcript(Object.values(shapes));
    for (let at = 0; at <= stream.length; at += 1) {
      const chunks = [stream.subarray(0, at), stream.subarray(at, at + 1), stream.subarray(at + 1)];
      const { heard } = hear(chunks);
      if (!sameAnswers(heard, expected)) expect(heard, `cut around ${at}`).toEqual(expected);
    }
  });
});

function sameAnswers(a: Heard[], b: Heard[]): boolean {
  const same = (x: Heard, y: Heard) =>
    x.line === y.line && Buffer.compare(x.body ?? crlfBuffer, y.body ?? crlfBuffer) === 0;
  return a.length === b.length && a.every((answer, at) => same(answer, b[at]!));
}
const crlfBuffer = Buffer.from(crlf);

describe('framing of a server that stuffs no dots', () => {
  it('takes one dot from each line and ends at CRLF.CRLF only, cut at every position and byte by byte', () => {
    const stream = Buffer.from('+OK\r\n.a\r\n.\rb\r\n.\r\r\n.\n\r\n.\r.\r\n.\r\n-ERR x\r\n');
    const body = Buffer.from('a\r\n\rb\r\n\r\r\n\n\r\n\r.\r\n');
    const expected = [{ line: '+OK', body }, { line: '-ERR x' }];
    for (let at = 0; at <= stream.length; at += 1) {
      expect(hear([stream.subarray(0, at), stream.subarray(at)]).heard, `cut at ${at}`).toEqual(expected);
    }
    expect(hear([...stream].map((byte) => Buffer.from([byte]))).heard).toEqual(expected);
  });
});

// Bytes that matter to the framing come often.
const nasty = fc
  .array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(13, 10, 46) }, fc.integer({ min: 0, max: 255 })), {
    maxLength: 60,
  })
  .map((bytes) => Buffer.from([...bytes, 13, 10]));

describe('framing of anything', () => {
  it('gives back any messages, however the stream is cut', () => {
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 1, maxLength: 5 }), cuts, (bodies, places) => {
        const { stream, expected } = transcript(bodies);
        const at = places.map((place) => Math.floor(place * stream.length)).sort((a, b) => a - b);
        const chunks = [...at, stream.length].map((end, index) => stream.subarray(at[index - 1] ?? 0, end));
        expect(hear(chunks).heard).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('never ends a message before CRLF.CRLF', () => {
    fc.assert(
      fc.property(nasty, (bytes) => {
        const stream = Buffer.concat([Buffer.from('+OK\r\n'), stuff(bytes)]);
        for (const tail of ['', '.', '.\r']) {
          const { heard, open } = hear([stream, Buffer.from(tail)]);
          expect(heard).toEqual([{ line: '+OK' }]);
          expect(open).toBe(true);
        }
      }),
    );
  });

  it('passes a line of 1 MB through in slices of the chunks, without copies', () => {
    const line = Buffer.alloc(1_000_000, 'x');
    const framing = new Framing(100);
    const stream = multiline(line);
    let slices = 0;
    let bytes = 0;
    for (let at = 0; at < stream.length; at += 65536) {
      const chunk = stream.subarray(at, at + 65536);
      framing.push(chunk);
      for (let part = framing.next(); part !== 'more'; part = framing.next()) {
        if (part === 'line') framing.expectBody();
        if (part !== 'data') continue;
        expect(framing.data.buffer).toBe(stream.buffer);
        slices += 1;
        bytes += framing.data.length;
      }
    }
    expect(bytes).toBe(line.length + 2);
    expect(slices).toBe(Math.ceil(stream.length / 65536));
  });
});

describe('status lines', () => {
  it('end at LF, with or without CR', () => {
    expect(hear([Buffer.from('-ERR a\n-ERR b\r\n')]).heard).toEqual([{ line: '-ERR a' }, { line: '-ERR b' }]);
  });

  it('are refused above the cap, whole or in pieces, and taken at it', () => {
    const line = Buffer.from(`-${'x'.repeat(18)}\r\n`);
    expect(hear([line], 20).overlong).toBe(false);
    expect(hear([line], 19).overlong).toBe(true);
    expect(
      hear(
        [...line].map((byte) => Buffer.from([byte])),
        19,
      ).overlong,
    ).toBe(true);
    expect(hear([Buffer.alloc(100_000, 'x')], 19).overlong).toBe(true);
  });

  it('counts what arrived and was not read', () => {
    const framing = new Framing(100);
    framing.push(Buffer.from('+OK\r\n-ER'));
    expect(framing.next()).toBe('line');
    expect(framing.unread).toBe(3);
    expect(framing.next()).toBe('more');
    expect(framing.unread).toBe(3);
    framing.push(Buffer.from('R\r\n'));
    expect(framing.next()).toBe('line');
    expect(framing.line.toString()).toBe('-ERR');
    expect(framing.unread).toBe(0);
  });
});
