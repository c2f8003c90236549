import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { hugeMessage, madeMail } from './made-mail.ts';
import { all, canonical, compareMailboxes, mailboxContents, popContents } from './witness.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Sends everything it will ever say at the connect, in pieces of the given size. */
async function saying(transcript: string, pieceBytes: number): Promise<number> {
  const server = createServer({ noDelay: true }, async (socket) => {
    socket.on('error', () => undefined);
    const bytes = Buffer.from(transcript, 'latin1');
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      socket.write(bytes.subarray(at, at + pieceBytes));
      await new Promise(setImmediate);
    }
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('the bare POP3 reader', () => {
  it.each([1, 3, 7, 1000])('unstuffs dots and finds the end in pieces of %i bytes', async (pieceBytes) => {
    const messages = ['', '.\r\n', '..a\r\n.\r\n', 'a\n.\nb\r\n', '\r\n', 'end\r\r\n'];
    const stuffed = messages.map(
      (text) => `+OK\r\n${text.replace(/^\./gm, '..').replace(/\n\.\.(?=\n)/g, '\n.')}.\r\n`,
    );
    const listing = messages.map((_, index) => `${index + 1} id${index + 1}\r\n`).join('');
    const port = await saying(`+OK hi\r\n+OK\r\n+OK\r\n+OK\r\n${listing}.\r\n${stuffed.join('')}`, pieceBytes);
    const read = await all(popContents({ port, user: 'u', password: 'p' }));
    expect(read.map(({ bytes }) => bytes.toString('latin1'))).toEqual(messages);
    expect(read.map(({ uidl }) => uidl)).toEqual(messages.map((_, index) => `id${index + 1}`));
  });

  it('throws when the server says no, and when it hangs up', async () => {
    const port = await saying('+OK hi\r\n+OK\r\n-ERR [AUTH] no\r\n', 100);
    await expect(all(popContents({ port, user: 'u', password: 'p' }))).rejects.toThrow('PASS: -ERR [AUTH] no');
    const closing = createServer((socket) => socket.end('+OK hi\r\n')).listen(0, '127.0.0.1');
    servers.push(closing);
    await once(closing, 'listening');
    const closed = (closing.address() as AddressInfo).port;
    await expect(all(popContents({ port: closed, user: 'u', password: 'p' }))).rejects.toThrow('closed');
  });
});

describe('the bare IMAP reader', () => {
  it.each([1, 5, 1000])('reads literals, flags and all mailboxes in pieces of %i bytes', async (pieceBytes) => {
    const fetched =
      '* 1 FETCH (UID 7 FLAGS (\\Seen $x) INTERNALDATE " 4-Mar-2014 10:20:30 +0100" BODY[] {9}\r\na\r\nw OK\r\n)\r\n';
    const empty =
      '* 2 FETCH (UID 9 FLAGS () INTERNALDATE " 4-Mar-2014 10:20:30 +0100" BODY[] "")\r\n* 1 FETCH (FLAGS (x))\r\n';
    const list = '* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\NoSelect) "/" "Up"\r\n* LIST () NIL "a \\"b"\r\n';
    const examined = '* 2 EXISTS\r\nw OK\r\n';
    const transcript = `* OK hi\r\nw OK in\r\n${list}w OK\r\n${examined}${fetched}${empty}w OK\r\n* 0 EXISTS\r\nw OK\r\n`;
    const port = await saying(transcript, pieceBytes);
    const read = await all(mailboxContents({ port, user: 'u', password: 'p' }));
    const common = { mailbox: 'INBOX', internalDate: ' 4-Mar-2014 10:20:30 +0100' };
    expect(read).toEqual([
      { ...common, uid: 7, flags: ['\\Seen', '$x'], bytes: Buffer.from('a\r\nw OK\r\n') },
      { ...common, uid: 9, flags: [], bytes: Buffer.alloc(0) },
    ]);
  });
});

describe('the comparison', () => {
  const contents = (...texts: string[]) => texts.map((text) => ({ bytes: Buffer.from(text, 'latin1') }));

  it('counts what is missing, altered and doubled, each as often as it occurs', async () => {
    const source = contents('a', 'b', 'b', 'c', 'd');
    const destination = contents('a', 'a', 'a', 'b', 'c', 'D', 'D');
    const result = { source: 5, destination: 7, exact: 3, missing: 2, absent: 1, extra: 2, doubled: 2 };
    expect(await compareMailboxes(source, destination)).toEqual(result);
  });

  it('forgives what servers do to line ends and NUL, and nothing else', () => {
    expect(canonical(Buffer.from('a\r\r\nb\nc\0\r\n', 'latin1')).toString('latin1')).toBe('a\r\nb\r\nc\x80');
    expect(canonical(Buffer.from('a\r\n\r\n')).toString()).toBe('a\r\n');
    expect(canonical(Buffer.from('a\rb\r')).toString()).toBe('a\rb\r');
    expect(canonical(Buffer.from([0xff, 0x00, 0xe9]))).toEqual(Buffer.from([0xff, 0x80, 0xe9]));
    expect(canonical(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
  });
});

describe('the made messages', () => {
  it('have distinct names, and are distinct but for the pairs that are equal on purpose', () => {
    const made = madeMail();
    expect(new Set(made.map(({ name }) => name)).size).toBe(made.length);
    const byContent = new Map<string, string[]>();
    for (const { name, bytes } of made) {
      const key = canonical(bytes).toString('latin1');
      byContent.set(key, [...(byContent.get(key) ?? []), name]);
    }
    const equal = [...byContent.values()].filter((names) => names.length > 1);
    expect(equal).toEqual([
      ['empty', 'one-line-end'],
      ['no-message-id-equal-a', 'no-message-id-equal-b'],
      ['identical-a', 'identical-b'],
    ]);
  });

  it('have the size asked for where they are huge', () => {
    const { bytes } = hugeMessage(1_000_000);
    expect(bytes.length).toBe(1_000_000);
    expect(bytes.subarray(-2).toString()).toBe('\r\n');
  });
});
