/** Everything about mailboxes but the appending: names, look-ups, reading back. An ordinary imapflow connection. */
import type { MailhaulError } from '../ground/errors.ts';
import type { SpecialUse } from '../ground/settings-templates.ts';
import { type ImapEndpoint, type ImapOptions, openDoor } from './door.ts';
import { appendLimitOf, hasMailboxLimits, isRev2Only } from './features.ts';
import { type MailboxInfo, type MailboxStatus, statusOf } from './mailbox-info.ts';
import { askAppendLimit } from './mailbox-limit.ts';
import { MailboxNames } from './mailbox-names.ts';
import type { Notation } from './mailbox-path.ts';
import { askQuotas, offersQuota, type Quota } from './mailbox-quota.ts';
import { MailboxReader, type MessageHeader } from './mailbox-reader.ts';
import { MailboxSession } from './mailbox-session.ts';
import type { MailboxView } from './mailbox-view.ts';

/** A connection for one caller at a time: while `headers` is being read, nothing else may be asked. */
export class MailboxClient {
  readonly #session: MailboxSession;
  readonly #names: MailboxNames;
  readonly #reader: MailboxReader;

  /** Connects and logs in. Throws MailhaulError. */
  static async connect(endpoint: ImapEndpoint, options: ImapOptions): Promise<MailboxClient> {
    return new MailboxClient(new MailboxSession(await openDoor(endpoint, options), options));
  }

  private constructor(session: MailboxSession) {
    this.#session = session;
    this.#names = new MailboxNames(session);
    this.#reader = new MailboxReader(session);
  }

  /** Upper case. */
  get capabilities(): ReadonlySet<string> {
    return this.#session.door.capabilities;
  }

  /** All mailboxes of the personal namespace, and INBOX. */
  list(): Promise<MailboxInfo[]> {
    return this.#names.list();
  }

  /**
   * The full name of a mailbox, which is created and subscribed where it is missing; what the server does not take as a
   * name is mapped by the rule of docs/mailbox-names.md. Throws `mailbox-refused` when it takes none of them.
   */
  ensure(name: string, notation?: Notation): Promise<string> {
    return this.#names.ensure(name, notation);
  }

  /** All of them as they are now, to be looked up by name or by use; with their counters where those cost no question more. */
  view(withStatus = false): Promise<MailboxView> {
    return this.#names.view(withStatus);
  }

  /** The full name of a mailbox that can be opened, as `ensure` would give it; undefined where there is none. */
  async find(name: string, notation?: Notation): Promise<string | undefined> {
    return (await this.view()).find(name, notation);
  }

  /** The mailbox with a special use, or the one of the name `below` in it; made where it is missing. Throws `mailbox-refused`. */
  ensureSpecial(use: SpecialUse, below?: string): Promise<string> {
    return this.#names.ensureSpecial(use, below);
  }

  /** Names that were asked for, with the name of the mailbox that serves for each, where that is another. */
  get renamed(): ReadonlyMap<string, string> {
    return this.#names.renamed;
  }

  /** The counters of a mailbox. Throws `mailbox-refused` where it is missing. */
  status(path: string): Promise<MailboxStatus> {
    return this.#session.ask('STATUS', path, async () => {
      const query = { uidValidity: true, uidNext: true, messages: true };
      const answer = await this.#session.client.status(path, query);
      this.#session.assertConnected();
      const status = answer === false ? undefined : statusOf(answer);
      if (!status) throw this.#session.protocolError('STATUS', 'a refusal or an incomplete answer');
      return status;
    });
  }

  /**
   * The headers of a range of UIDs, in the server's order, read from an EXAMINEd mailbox so that nothing is marked.
   * `size` may be what the server thinks rather than what it hands out.
   */
  headers(path: string, uidFrom: number, uidTo: number | '*', headerMaxBytes: number): AsyncIterable<MessageHeader> {
    return this.#reader.headers(path, uidFrom, uidTo, headerMaxBytes);
  }

  /** The bytes of a message, in pieces of bounded size; undefined where there is no such message. */
  message(path: string, uid: number): Promise<AsyncIterable<Buffer> | undefined> {
    return this.#reader.message(path, uid);
  }

  /**
   * The largest message that a mailbox takes, in bytes; undefined where that is not known. A server that does not say it
   * for each mailbox is not asked.
   */
  async appendLimit(path: string): Promise<number | undefined> {
    if (!hasMailboxLimits(this.capabilities)) return appendLimitOf(this.capabilities);
    const utf8 = isRev2Only(this.capabilities);
    const question = () => askAppendLimit(this.#session.client, path, utf8);
    return this.#session.ask('STATUS', path, question).catch((error: MailhaulError) => {
      // A limit is a courtesy: who will not tell it refuses what is too large when it comes
      if (error.code === 'mailbox-refused') return undefined;
      throw error;
    });
  }

  /** What the quota roots of a mailbox have used and may use; none where the server does not tell. */
  async quotas(path: string): Promise<readonly Quota[]> {
    if (!offersQuota(this.capabilities)) return [];
    const utf8 = isRev2Only(this.capabilities);
    return this.#session
      .ask('GETQUOTAROOT', path, () => askQuotas(this.#session.client, path, utf8))
      .catch((error: MailhaulError) => {
        if (error.code === 'mailbox-refused') return [];
        throw error;
      });
  }

  /** Says LOGOUT, and closes the socket whatever the server answers. Never throws. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /** Closes the socket at once. */
  destroy(): void {
    this.#session.destroy();
  }
}
