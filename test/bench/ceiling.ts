/**
 * The ceiling: what a bare pipelined socket program reaches that knows its two servers and promises nothing. Overlapped
 * RETR, MULTIAPPEND with LITERAL+; no fsync, no look for duplicates, no dates, no ledger. It shares no code with Mailhaul.
 * Arguments: POP_PORT IMAP_PORT AT_ONCE SOURCE=DESTINATION…; any user, password pw.
 */
import { connect, type Socket } from 'node:net';

const retrInFlight = 200;
const messagesPerAppend = 50;
const appendsInFlight = 4;
/** Batches that may wait for the destination; then nothing more is read from the source. */
const batchesWaiting = 4;
const terminator = Buffer.from('\r\n.\r\n');
const lineEnd = Buffer.from('\r\n');
const envelope = ' (\\Seen) "04-Mar-2014 10:20:30 +0100" ';

/** Cuts a stream into answers that end in CRLF.CRLF, however TCP has cut it. */
export class AnswerCutter {
  readonly #take: (answer: Buffer) => void;
  #parts: Buffer[] = [];
  #tail: Buffer = Buffer.alloc(0);

  constructor(take: (answer: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    let from = 0;
    if (this.#tail.length > 0) {
      const seam = Buffer.concat([this.#tail, chunk.subarray(0, terminator.length - 1)]).indexOf(terminator);
      if (seam !== -1) from = this.#end(chunk, 0, seam + terminator.length - this.#tail.length);
    }
    for (let at = chunk.indexOf(terminator, from); at !== -1; at = chunk.indexOf(terminator, from)) {
      from = this.#end(chunk, from, at + terminator.length);
    }
    const rest = chunk.subarray(from);
    this.#parts.push(rest);
    const near = rest.length >= terminator.length ? rest : Buffer.concat([this.#tail, rest]);
    this.#tail = near.subarray(Math.max(0, near.length - terminator.length + 1));
  }

  #end(chunk: Buffer, from: number, to: number): number {
    const last = chunk.subarray(from, to);
    this.#take(this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]));
    this.#parts = [];
    this.#tail = Buffer.alloc(0);
    return to;
  }
}

/** The message of an answer to RETR, unstuffed. Throws when the server refused. */
export function messageOf(answer: Buffer): Buffer {
  if (answer[0] !== 0x2b) throw new Error(`RETR: ${answer.subarray(0, 80).toString('latin1')}`);
  // With the CRLF of the status line before it, the first line is like every other.
  const start = answer.indexOf(lineEnd);
  const end = answer.length - 3;
  const parts: Buffer[] = [];
  let from = start + 2;
  for (let dot = answer.indexOf('\r\n.', start, 'latin1'); dot !== -1 && dot + 2 < end; ) {
    parts.push(answer.subarray(from, dot + 2));
    from = dot + 3;
    dot = answer.indexOf('\r\n.', from, 'latin1');
  }
  if (parts.length === 0) return answer.subarray(from, end);
  return Buffer.concat([...parts, answer.subarray(from, Math.max(from, end))]);
}

/** Calls back for each line; returns a way to get at what follows the lines, for another reader. */
function onLines(socket: Socket, take: (line: string) => void): () => Buffer {
  let held: Buffer = Buffer.alloc(0);
  const read = (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (let at = held.indexOf(lineEnd); at !== -1 && socket.listeners('data').includes(read); ) {
      const line = held.toString('latin1', 0, at);
      held = held.subarray(at + 2);
      take(line);
      at = held.indexOf(lineEnd);
    }
  };
  socket.on('data', read);
  return () => {
    socket.off('data', read);
    return held;
  };
}

function open(port: number, fail: (error: Error) => void): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.once('error', fail);
  socket.once('end', () => fail(new Error(`port ${port}: the server closed the connection`)));
  return socket;
}

/** What takes messages in; `done` resolves when the last one is where it belongs. */
export interface MessageSink {
  readonly done: Promise<void>;
  /** It wants no more until it calls `onRoom`. */
  readonly isFull: boolean;
  onRoom: () => void;
  put(message: Buffer): void;
  end(): void;
}

/** The destination: batches go in, and `done` resolves when the last one was answered. */
class Destination implements MessageSink {
  readonly done: Promise<void>;
  onRoom: () => void = () => {};
  readonly #socket: Socket;
  readonly #waiting: Buffer[][] = [];
  #batch: Buffer[] = [];
  #greeted = false;
  #selected = false;
  #sent = 0;
  #answered = 0;
  #last = false;
  #finish: () => void = () => {};

  constructor(port: number, user: string) {
    let fail: (error: Error) => void = () => {};
    this.done = new Promise((finish, reject) => {
      this.#finish = finish;
      fail = reject;
    });
    this.#socket = open(port, fail);
    onLines(this.#socket, (line) => {
      try {
        this.#answer(line, user);
      } catch (error) {
        fail(error as Error);
      }
    });
  }

  get isFull(): boolean {
    return this.#waiting.length >= batchesWaiting;
  }

  put(message: Buffer): void {
    if (this.#batch.push(message) === messagesPerAppend) this.#close();
  }

  end(): void {
    if (this.#batch.length > 0) this.#close();
    this.#last = true;
    this.#next();
  }

  #close(): void {
    this.#waiting.push(this.#batch);
    this.#batch = [];
    this.#next();
  }

  #answer(line: string, user: string): void {
    if (!this.#greeted) this.#socket.write(`a LOGIN ${user} pw\r\n`);
    this.#greeted = true;
    if (/^[abx]/.test(line) && !/^\w+ OK/.test(line)) throw new Error(line);
    if (line.startsWith('a OK')) this.#socket.write('b SELECT INBOX\r\n');
    if (line.startsWith('b OK')) this.#selected = true;
    if (line.startsWith('x')) this.#answered += 1;
    if (this.#selected) this.#next();
  }

  #next(): void {
    while (this.#selected && this.#waiting.length > 0 && this.#sent - this.#answered < appendsInFlight) {
      this.#send(this.#waiting.shift()!);
    }
    if (!this.isFull) this.onRoom();
    if (!this.#last || !this.#selected || this.#waiting.length > 0 || this.#answered < this.#sent) return;
    this.#socket.end('z LOGOUT\r\n');
    this.#finish();
  }

  #send(messages: Buffer[]): void {
    this.#sent += 1;
    this.#socket.cork();
    this.#socket.write(`x${this.#sent} APPEND INBOX`);
    for (const message of messages) {
      this.#socket.write(`${envelope}{${message.length}+}\r\n`);
      this.#socket.write(message);
    }
    this.#socket.write('\r\n');
    this.#socket.uncork();
  }
}

/** Reads a whole maildrop; resolves with the number of its messages. */
function readMaildrop(port: number, user: string, destination: MessageSink): Promise<number> {
  return new Promise((finish, fail) => {
    const socket = open(port, fail);
    const state = { count: 0, asked: 0, done: 0 };
    const ask = () => {
      const first = state.asked + 1;
      state.asked = Math.min(state.count, state.done + retrInFlight);
      let commands = '';
      for (let number = first; number <= state.asked; number += 1) commands += `RETR ${number}\r\n`;
      if (commands) socket.write(commands);
    };
    const cutter = new AnswerCutter((answer) => {
      state.done += 1;
      destination.put(messageOf(answer));
    });
    const take = (chunk: Buffer) => {
      try {
        cutter.push(chunk);
      } catch (error) {
        fail(error as Error);
      }
      if (state.done === state.count) {
        socket.removeAllListeners('end');
        socket.end('QUIT\r\n');
        return finish(state.count);
      }
      ask();
      if (destination.isFull) socket.pause();
    };
    destination.onRoom = () => void (socket.isPaused() && socket.resume());
    let line = 0;
    const leave = onLines(socket, (text) => {
      line += 1;
      if (!text.startsWith('+OK')) return fail(new Error(text));
      if (line === 1) socket.write(`USER ${user}\r\nPASS pw\r\nSTAT\r\n`);
      if (line < 4) return;
      state.count = Number(text.split(' ')[1]);
      const rest = leave();
      socket.on('data', take);
      take(rest);
    });
  });
}

/** What stands between the source and the destination; nothing, but for who promises something. */
export type Between = (destination: MessageSink) => MessageSink;

const nothing: Between = (destination) => destination;

/** Copies one maildrop into one INBOX; resolves with the number of messages. */
export async function copyMaildrop(
  [popPort, imapPort]: readonly [pop: number, imap: number],
  from: string,
  to: string,
  between = nothing,
): Promise<number> {
  const destination = between(new Destination(imapPort, to));
  const source = readMaildrop(popPort, from, destination).then((count) => {
    destination.end();
    return count;
  });
  const [count] = await Promise.all([source, destination.done]);
  return count;
}

/** Copies what the arguments name, and prints how many messages that were. */
export async function main(args: readonly string[], between = nothing): Promise<void> {
  const [popPort, imapPort, atOnce] = args.slice(0, 3).map(Number);
  const pairs = args.slice(3).map((pair) => pair.split('='));
  let messages = 0;
  const work = async () => {
    for (let pair = pairs.shift(); pair; pair = pairs.shift()) {
      const copied = await copyMaildrop([popPort!, imapPort!], pair[0]!, pair[1]!, between);
      messages += copied;
    }
  };
  await Promise.all(Array.from({ length: atOnce! }, work));
  process.stdout.write(`${JSON.stringify({ messages })}\n`);
}

if (process.argv[1] !== undefined && /\bceiling\.[jt]s$/.test(process.argv[1])) await main(process.argv.slice(2));
