/** The destination, read only: EXAMINE and FETCH of what marks nothing. */
import { asMailhaulError, type MailhaulError } from '../ground/errors.ts';
import type { ImapEndpoint } from '../imap/door.ts';
import { isVirtual, type MailboxInfo } from '../imap/mailbox-info.ts';
import { MailboxClient } from '../imap/mailboxes.ts';
import { indexedUidValidity } from '../ledger/index-kind.ts';
import { countedLogin } from '../limits/credentials.ts';
import { loginKey } from '../limits/lease.ts';
import { openBudget } from '../limits/look.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import { type Contents, contentsOf, headerMarks } from './contents.ts';
import { type Held, Holdings } from './holdings.ts';
import type { Names } from './names.ts';
import type { VerifyContext } from './source.ts';

/** Digests of messages that are kept, since the messages of a group are compared with each other: about 4 MB. */
const keptContents = 20_000;

/** Gets the names of what is at a place, while the destination is read. */
export type NoteNames = (mailbox: string, uid: number, names: Names) => void;

/** An open destination. */
export class Destination {
  readonly holdings = new Holdings();
  /** Mailboxes that could not be read. */
  readonly unread: MailhaulError[] = [];
  /** Its connections. */
  readonly budget: SessionBudget;
  readonly #client: MailboxClient;
  readonly #context: VerifyContext;
  readonly #login: string;
  readonly #contents = new Map<number, Contents | undefined>();

  private constructor(client: MailboxClient, budget: SessionBudget, context: VerifyContext, login: string) {
    this.#client = client;
    this.budget = budget;
    this.#context = context;
    this.#login = login;
  }

  /**
   * Logs in when its host has as many connections to spare, of which it uses one. Throws MailhaulError; a refused login
   * is counted.
   */
  static async open(endpoint: ImapEndpoint, context: VerifyContext, connections = 1): Promise<Destination> {
    const { redis, settings, signal } = context;
    const login = loginKey('imap', endpoint);
    const budget = await openBudget({ side: 'destination', login, host: endpoint.host, connections }, context);
    try {
      const connect = (fresh: ImapEndpoint) => MailboxClient.connect(fresh, { ...settings, signal });
      const client = await budget.login(() => countedLogin(redis, login, endpoint, settings.credentialTries, connect));
      return new Destination(client, budget, context, login);
    } catch (error) {
      await budget.close();
      throw error;
    }
  }

  /** Reads the headers of every message of every mailbox into the holdings. Throws MailhaulError. */
  async read(note: NoteNames): Promise<void> {
    for (const mailbox of await this.#client.list()) {
      if (!mailbox.selectable) continue;
      try {
        await this.#readMailbox(mailbox, note);
      } catch (thrown) {
        const error = asMailhaulError(thrown);
        if (error.code !== 'mailbox-refused') throw error;
        this.unread.push(error);
      }
    }
    this.holdings.seal();
  }

  /** The content of a message; undefined when it has gone away. Throws MailhaulError. */
  async contents(held: Held): Promise<Contents | undefined> {
    if (this.#contents.has(held.number)) return this.#contents.get(held.number);
    const path = this.holdings.mailboxes[held.mailbox]!.path;
    const message = await this.#client.message(path, held.uid);
    const contents = message && (await contentsOf(message));
    if (this.#contents.size >= keptContents) this.#contents.clear();
    this.#contents.set(held.number, contents);
    return contents;
  }

  /** Logs out. */
  close(): Promise<void> {
    return this.#client.close();
  }

  /** Drops the connection, if it is still there, and gives it back. */
  async destroy(): Promise<void> {
    this.#client.destroy();
    await this.budget.close();
  }

  async #readMailbox(mailbox: MailboxInfo, note: NoteNames): Promise<void> {
    const { path } = mailbox;
    const { redis, settings, kind } = this.#context;
    const { uidValidity, messages } = await this.#client.status(path);
    const known = await indexedUidValidity(redis, this.#login, path);
    const number = this.holdings.mailbox({
      path,
      virtual: isVirtual(mailbox),
      renumbered: known !== undefined && known !== uidValidity,
    });
    if (messages === 0) return;
    for await (const { uid, size, header } of this.#client.headers(path, 1, '*', settings.headerMaxBytes)) {
      const marks = headerMarks(header, settings.headerMaxBytes, kind);
      this.holdings.add(number, uid, size, marks.fingerprint);
      note(path, uid, marks);
    }
  }
}
