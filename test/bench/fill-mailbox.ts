/** Fills an INBOX over IMAP, thousands of messages a second: many in one APPEND (RFC 3502), literals without leave asked for. */
import { BareSocket } from '../../src/demo/bare-socket.ts';

/** A message with LF or CRLF at the ends of its lines, and its INTERNALDATE. */
export interface MailboxMessage {
  readonly bytes: Buffer;
  readonly delivered: Date;
}

const messagesPerAppend = 1000;

/** Appends all of them, read, in their order. Throws when the server refuses. */
export async function fillMailbox(port: number, user: string, messages: Iterable<MailboxMessage>): Promise<void> {
  const socket = await BareSocket.connect(port);
  try {
    await socket.line();
    socket.write(`a LOGIN ${user} pw\r\n`);
    await tagged(socket);
    socket.write('a SELECT INBOX\r\n');
    await tagged(socket);
    let waiting: string[] = [];
    for (const message of messages) {
      waiting.push(literal(message));
      if (waiting.length < messagesPerAppend) continue;
      await append(socket, waiting);
      waiting = [];
    }
    if (waiting.length > 0) await append(socket, waiting);
  } finally {
    socket.close();
  }
}

async function append(socket: BareSocket, literals: readonly string[]): Promise<void> {
  socket.write(`a APPEND INBOX${literals.join('')}\r\n`);
  await tagged(socket);
}

/** LITERAL+ (RFC 7888): sent without waiting for leave. */
function literal({ bytes, delivered }: MailboxMessage): string {
  // The socket writes text as UTF-8, which is what the messages are made of.
  const text = bytes.toString('utf8').replace(/\r?\n/g, '\r\n');
  return ` (\\Seen) "${internalDate(delivered)}" {${Buffer.byteLength(text)}+}\r\n${text}`;
}

/** As RFC 3501 §9 has it: `04-Mar-2014 10:20:30 +0000`. */
function internalDate(date: Date): string {
  const [, day, month, year, time] = date.toUTCString().split(' ');
  return `${day}-${month}-${year} ${time} +0000`;
}

async function tagged(socket: BareSocket): Promise<void> {
  for (;;) {
    const line = await socket.line();
    if (!line.startsWith('a ')) continue;
    if (!line.startsWith('a OK')) throw new Error(line);
    return;
  }
}
