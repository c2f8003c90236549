/** Everything about mailboxes but the appending: names, look-ups, reading back. An ordinary imapflow connection. */
import { MailhaulError } from '../ground/errors.ts';
import { commandError } from './classify-command.ts';
import { abortError, type ImapEndpoint, type ImapOptions, type OpenDoor, openDoor } from './door.ts';
import { farewell } from './farewell.ts';
import { appendLimitOf, hasMailboxLimits, isRev2Only } from './features.ts';
import { type MailboxInfo, mailboxInfo } from './mailbox-info.ts';
import { askAppendLimit } from './mailbox-limit.ts';
import { isMailboxName } from './mailbox-name.ts';
import { fullPath, type Namespace } from './mailbox-path.ts';
import { askQuotas, offersQuota, type Quota } from './mailbox-quota.ts';

/** One message's header. */
export interface MessageHeader {
  uid: number;
  /** RFC822.SIZE, in bytes. */
  size: number;
  /** As it stands in the message, cut off at the limit asked for. */
  header: Buffer;
}

const MESSAGE_PIECE_BYTES = 1024 * 1024;

/** A connection for one caller at a time: while `headers` is being read, nothing else may be asked. */
export class MailboxClient {
  /** Upper case. */
  readonly capabilities: ReadonlySet<string>;
  readonly #door: OpenDoor;
  readonly #options: ImapOptions;
  readonly #onAbort: () => void;
  #reading = false;
  #aborted: MailhaulError | undefined;

  /** Connects and logs in. Throws MailhaulError. */
  static async connect(endpoint: ImapEndpoint, options: ImapOptions): Promise<MailboxClient> {
    return new MailboxClient(await openDoor(endpoint, options), options);
  }

  private constructor(door: OpenDoor, options: ImapOptions) {
    this.#door = door;
    this.#options = options;
    this.capabilities = door.capabilities;
    this.#onAbort = () => {
      this.#aborted = abortError(options.signal!, door.peer);
      this.destroy();
    };
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted === true) this.#onAbort();
  }

  /** All mailboxes of the personal namespace, and INBOX. */
  list(): Promise<MailboxInfo[]> {
    return this.#ask('LIST', '', async () => (await this.#client.list()).map(mailboxInfo));
  }

  /**
   * Creates and subscribes a mailbox where it is missing, and gives its full name. A name that exists as written is
   * taken as it is; otherwise `/` separates levels and the namespace's prefix is added. Throws `mailbox-refused`.
   */
  async ensure(path: string): Promise<string> {
    const { peer } = this.#door;
    // RFC 9051 §5.1 forbids control characters, and imapflow does not shift them as RFC 3501 §5.1.3 would have it: what
    // it creates and what is selected then would be two mailboxes.
    if (!isMailboxName(path) || /^\/+$|[\u0000-\u001f\u007f]/.test(path)) {
      const reply = 'the name is empty or has a control character in it';
      throw new MailhaulError('mailbox-refused', { ...peer, mailbox: path, reply });
    }
    const found = await this.find(path);
    if (found !== undefined) return found;
    const full = fullPath(path, this.#namespace);
    try {
      await this.#ask('CREATE', full, () => this.#client.mailboxCreate(full));
    } catch (thrown) {
      // Another client was faster, and the server has no code to say so
      const now = await this.list().catch(() => []);
      if (!now.some((one) => one.path === full && one.selectable)) throw thrown;
    }
    return full;
  }

  /** The full name of a mailbox that can be opened, whether the path has the namespace's prefix or not. */
  async find(path: string): Promise<string | undefined> {
    const existing = new Set((await this.list()).filter((one) => one.selectable).map((one) => one.path));
    const full = fullPath(path, this.#namespace);
    // INBOX always exists (RFC 3501 §5.1)
    return full === 'INBOX' ? full : [path, full].find((name) => existing.has(name));
  }

  /** The counters of a mailbox. Throws `mailbox-refused` where it is missing. */
  status(path: string): Promise<{ uidValidity: number; uidNext: number; messages: number }> {
    return this.#ask('STATUS', path, async () => {
      const answer = await this.#client.status(path, { uidValidity: true, uidNext: true, messages: true });
      this.#assertConnected();
      const { uidValidity, uidNext, messages } = answer === false ? {} : answer;
      if (uidValidity === undefined || uidNext === undefined || messages === undefined) {
        throw this.#protocolError('STATUS', 'a refusal or an incomplete answer');
      }
      return { uidValidity: Number(uidValidity), uidNext, messages };
    });
  }

  /**
   * The headers of a range of UIDs, in the server's order, read from an EXAMINEd mailbox so that nothing is marked.
   * `size` may be what the server thinks rather than what it hands out.
   */
  async *headers(
    path: string,
    uidFrom: number,
    uidTo: number | '*',
    headerMaxBytes: number,
  ): AsyncIterable<MessageHeader> {
    const unreadBefore = this.#door.unreadLines();
    const exists = await this.#examine(path);
    if (exists === 0 || (uidTo !== '*' && uidTo < uidFrom)) return;
    this.#reading = true;
    try {
      const query = { uid: true, size: true, bodyParts: [{ key: 'HEADER', start: 0, maxLength: headerMaxBytes }] };
      for await (const { uid, size, headers } of this.#client.fetch(`${uidFrom}:${uidTo}`, query, { uid: true })) {
        // RFC 3501 §6.4.8: n:* names the last message even where its UID is below n; and servers report others unasked
        if (headers === undefined || uid < uidFrom || (uidTo !== '*' && uid > uidTo)) continue;
        yield { uid, size: size ?? 0, header: headers.subarray(0, headerMaxBytes) };
      }
    } catch (thrown) {
      throw this.#failure(thrown, 'FETCH', path);
    } finally {
      this.#reading = false;
    }
    // A line that could not be read may have been a message, and an index with a hole makes duplicates
    if (this.#door.unreadLines() > unreadBefore) throw this.#protocolError('FETCH', 'an answer that cannot be read');
  }

  /** The bytes of a message, in pieces of bounded size; undefined where there is no such message. */
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

  /**
   * The largest message that a mailbox takes, in bytes; undefined where that is not known. A server that does not say it
   * for each mailbox is not asked.
   */
  async appendLimit(path: string): Promise<number | undefined> {
    if (!hasMailboxLimits(this.capabilities)) return appendLimitOf(this.capabilities);
    const utf8 = isRev2Only(this.capabilities);
    return this.#ask('STATUS', path, () => askAppendLimit(this.#client, path, utf8)).catch((error: MailhaulError) => {
      // A limit is a courtesy: who will not tell it refuses what is too large when it comes
      if (error.code === 'mailbox-refused') return undefined;
      throw error;
    });
  }

  /** What the quota roots of a mailbox have used and may use; none where the server does not tell. */
  async quotas(path: string): Promise<readonly Quota[]> {
    if (!offersQuota(this.capabilities)) return [];
    const utf8 = isRev2Only(this.capabilities);
    return this.#ask('GETQUOTAROOT', path, () => askQuotas(this.#client, path, utf8)).catch((error: MailhaulError) => {
      if (error.code === 'mailbox-refused') return [];
      throw error;
    });
  }

  /** Says LOGOUT, and closes the socket whatever the server answers. Never throws. */
  async close(): Promise<void> {
    if (!this.#client.isClosed) await farewell(this.#client.logout(), this.#options.imapCommandTimeoutMs);
    this.destroy();
  }

  /** Closes the socket at once. */
  destroy(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#client.close();
  }

  get #client() {
    return this.#door.client;
  }

  get #openPath(): string | undefined {
    return this.#client.mailbox === false ? undefined : this.#client.mailbox.path;
  }

  get #namespace(): Namespace {
    const personal = this.#client.namespace;
    return { prefix: personal?.prefix ?? '', delimiter: personal?.delimiter ?? undefined };
  }

  /** Opens a mailbox without the right to change it, and gives the number of its messages. */
  #examine(path: string): Promise<number> {
    return this.#ask(
      'EXAMINE',
      path,
      async () => (await this.#client.mailboxOpen(path, { readOnly: true })).exists ?? 0,
    );
  }

  #piece(path: string, uid: number, start: number): Promise<Buffer | undefined> {
    return this.#ask('FETCH', path, async () => {
      const query = { uid: true, source: { start, maxLength: MESSAGE_PIECE_BYTES } };
      const answer = await this.#client.fetchOne(String(uid), query, { uid: true });
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
      if (next === undefined) throw this.#protocolError('FETCH', 'the message went away while it was read');
      piece = next;
    }
  }

  async #ask<T>(during: string, mailbox: string, question: () => Promise<T>): Promise<T> {
    // imapflow would wait for the end of the listing, and the listing for its reader: a standstill
    if (this.#reading) throw new Error(`${during} was asked for while headers are being read`);
    try {
      return await question();
    } catch (thrown) {
      throw this.#failure(thrown, during, mailbox);
    }
  }

  /** Some commands of imapflow give `false` for a connection that broke under them. */
  #assertConnected(): void {
    const { usable, byeReason } = this.#client;
    if (!usable || byeReason !== undefined)
      throw Object.assign(new Error('closed'), { code: 'NoConnection', reason: byeReason });
  }

  #protocolError(during: string, reply: string): MailhaulError {
    return new MailhaulError('protocol-error', { ...this.#door.peer, during, reply });
  }

  #failure(thrown: unknown, during: string, mailbox: string): MailhaulError {
    if (this.#aborted !== undefined) return this.#aborted;
    return commandError(this.#door, thrown, { during, mailbox, timeoutMs: this.#options.imapCommandTimeoutMs });
  }
}
