/** Reads messages back, from EXAMINEd mailboxes, so that nothing is marked. */
import type { MailboxSession } from './mailbox-session.ts';

/** One message's header. */
export interface MessageHeader {
  uid: number;
  /** RFC822.SIZE, in bytes. */
  size: number;
  /** As it stands in the message, cut off at the limit asked for. */
  header: Buffer;
}

const MESSAGE_PIECE_BYTES = 1024 * 1024;

/** Reads over one connection. */
export class MailboxReader {
  readonly #session: MailboxSession;

  constructor(session: MailboxSession) {
    this.#session = session;
  }

  /** See `MailboxClient.headers`. */
  async *headers(
    path: string,
    uidFrom: number,
    uidTo: number | '*',
    headerMaxBytes: number,
  ): AsyncIterable<MessageHeader> {
    const { client, door } = this.#session;
    const unreadBefore = door.unreadLines();
    const exists = await this.#examine(path);
    if (exists === 0 || (uidTo !== '*' && uidTo < uidFrom)) return;
    const query = { uid: true, size: true, bodyParts: [{ key: 'HEADER', start: 0, maxLength: headerMaxBytes }] };
    const answers = () => client.fetch(`${uidFrom}:${uidTo}`, query, { uid: true });
    for await (const { uid, size, headers } of this.#session.read('FETCH', path, answers)) {
      // RFC 3501 §6.4.8: n:* names the last message even where its UID is below n; and servers report others unasked
      if (headers === undefined || uid < uidFrom || (uidTo !== '*' && uid > uidTo)) continue;
      yield { uid, size: size ?? 0, header: headers.subarray(0, headerMaxBytes) };
    }
    // A line that could not be read may have been a message, and an index with a hole makes duplicates
    if (door.unreadLines() > unreadBefore) {
      throw this.#session.protocolError('FETCH', 'an answer that cannot be read');
    }
  }

  /** See `MailboxClient.message`. */
  async message(path: string, uid: number): Promise<AsyncIterable<Buffer> | undefined> {
    // A view opened earlier may not show a message that came since: look again before saying that there is none
    const wasOpen = this.#openPath === path;
    if (!wasOpen) await this.#examine(path);
    let first = await this.#piece(path, uid, 0);
    if (first === undefined && wasOpen) {
      await this.#examine(path);
      first = await this.#piece(path, uid, 0);
    }
    return first === undefined ? undefined : this.#pieces(path, uid, first);
  }

  get #openPath(): string | undefined {
    const { mailbox } = this.#session.client;
    return mailbox === false ? undefined : mailbox.path;
  }

  /** Opens a mailbox without the right to change it, and gives the number of its messages. */
  #examine(path: string): Promise<number> {
    const { client } = this.#session;
    return this.#session.ask(
      'EXAMINE',
      path,
      async () => (await client.mailboxOpen(path, { readOnly: true })).exists ?? 0,
    );
  }

  #piece(path: string, uid: number, start: number): Promise<Buffer | undefined> {
    return this.#session.ask('FETCH', path, async () => {
      const query = { uid: true, source: { start, maxLength: MESSAGE_PIECE_BYTES } };
      const answer = await this.#session.client.fetchOne(String(uid), query, { uid: true });
      return answer ? answer.source : undefined;
    });
  }

  async *#pieces(path: string, uid: number, first: Buffer): AsyncIterable<Buffer> {
    let piece = first;
    for (let start = 0; piece.length > 0; ) {
      yield piece;
      start += piece.length;
      // A shorter one is the last; a longer one comes from servers that ignore <partial> and is the whole message
      if (piece.length !== MESSAGE_PIECE_BYTES) return;
      const next = await this.#piece(path, uid, start);
      if (next === undefined) throw this.#session.protocolError('FETCH', 'the message went away while it was read');
      piece = next;
    }
  }
}
