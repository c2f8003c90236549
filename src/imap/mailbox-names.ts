/** Finds mailboxes by what a person calls them, or by their use, and makes those that are missing (docs/mailbox-names.md). */

import { MailhaulError } from '../ground/errors.ts';
import type { SpecialUse } from '../ground/settings-templates.ts';
import { mailboxError } from './classify.ts';
import { classifyRefusal } from './classify-append.ts';
import { type NameCandidates, nameCandidates } from './mailbox-candidates.ts';
import { createMailbox, isListed, subscribeMailbox } from './mailbox-create.ts';
import { type MailboxInfo, mailboxInfo } from './mailbox-info.ts';
import { isInbox, joinLevels, levelsOf, type Namespace, type Notation } from './mailbox-path.ts';
import type { MailboxSession } from './mailbox-session.ts';
import { existingMailbox, MailboxView } from './mailbox-view.ts';
import { type CreateRefusal, createRefusal } from './name-refusal.ts';
import { newSpecialNames } from './special-use.ts';
import { foldedName } from './special-use-names.ts';

/** The mailboxes of one connection, by name. */
export class MailboxNames {
  /** See `MailboxClient.renamed`. */
  readonly renamed = new Map<string, string>();
  readonly #session: MailboxSession;
  /** What was listed and made since; thrown away when a name is asked for again, as if its mailbox were gone. */
  #known: MailboxInfo[] | undefined;
  readonly #given = new Set<string>();

  constructor(session: MailboxSession) {
    this.#session = session;
  }

  /** All mailboxes of the personal namespace, and INBOX; with their counters where the server has them at hand. */
  async list(withStatus = false): Promise<MailboxInfo[]> {
    // RFC 5819. Elsewhere imapflow would ask for one mailbox after the other, and nobody may need them all
    const inOne = withStatus && this.#session.door.capabilities.has('LIST-STATUS');
    const query = inOne ? { statusQuery: { uidValidity: true, uidNext: true, messages: true } } : {};
    const listed = await this.#session.ask('LIST', '', async () =>
      (await this.#session.client.list(query)).map(mailboxInfo),
    );
    const found = new Map(listed.map((mailbox) => [mailbox.path, mailbox]));
    return [...found.values()];
  }

  /** See `MailboxClient.view`. */
  async view(withStatus = false): Promise<MailboxView> {
    const listing = await this.list(withStatus);
    return new MailboxView(listing, this.#namespace(listing));
  }

  /** See `MailboxClient.ensure`. */
  async ensure(name: string, notation: Notation = 'either', use?: SpecialUse): Promise<string> {
    if (isInbox(name)) return 'INBOX';
    if (this.#given.has(name)) this.#known = undefined;
    this.#known ??= await this.list();
    const candidates = this.#candidates(name, this.#known, notation);
    const path =
      existingMailbox(name, candidates, this.#known, notation) ?? (await this.#create(name, candidates, use));
    this.#given.add(name).add(path);
    const same = path === name || foldedName(path) === foldedName(candidates.meant);
    if (!same) this.renamed.set(name, path);
    return path;
  }

  /** See `MailboxClient.ensureSpecial`. */
  async ensureSpecial(use: SpecialUse, below?: string): Promise<string> {
    const view = await this.view();
    const base = view.special(use) ?? (await this.ensure(newSpecialNames[use], 'levels', use));
    return below === undefined ? base : this.ensure(view.below(base, below), 'levels');
  }

  #candidates(name: string, listing: readonly MailboxInfo[], notation: Notation): NameCandidates {
    return nameCandidates(name, this.#namespace(listing), notation);
  }

  /** What NAMESPACE says; where it says nothing, as at Exchange, a listing shows the delimiter (imap-quirks §2.2). */
  #namespace(listing: readonly MailboxInfo[]): Namespace {
    const personal = this.#session.client.namespace;
    const listed = (listing.find(({ path }) => path === 'INBOX') ?? listing[0])?.delimiter || undefined;
    // NIL is an answer as well: there is no hierarchy
    const delimiter = personal?.delimiter === null ? undefined : (personal?.delimiter ?? listed);
    return { prefix: personal?.prefix ?? '', delimiter };
  }

  /** Makes the first candidate that the server takes. What is no matter of the name is not answered with another one. */
  async #create(name: string, { names }: NameCandidates, use: SpecialUse | undefined): Promise<string> {
    let refusal: CreateRefusal | undefined;
    for (const path of names) {
      const answer = await this.#createOne(path, use);
      if (typeof answer === 'string') return answer;
      refusal ??= answer;
      if (answer.because === 'other') throw this.#refused(path, answer);
    }
    if (refusal !== undefined) throw this.#refused(names[0]!, refusal);
    const reply = 'the name is empty';
    throw new MailhaulError('mailbox-refused', { ...this.#session.door.peer, mailbox: name, reply });
  }

  #refused(path: string, refusal: CreateRefusal): MailhaulError {
    const error = mailboxError(this.#session.door.peer, path, refusal);
    // A mailbox that no space is left for waits for the space, not for another name
    const isFull = classifyRefusal(refusal).action === 'account-full';
    return isFull ? new MailhaulError('mailbox-full', error.details) : error;
  }

  /** The name under which the mailbox is there now, or why it is not. */
  async #createOne(path: string, use: SpecialUse | undefined): Promise<string | CreateRefusal> {
    const { door } = this.#session;
    const attempt = () => this.#session.ask('CREATE', path, () => this.#tryUse(path, use));
    let refusal = await attempt();
    if (refusal?.because === 'parent' && (await this.#createParents(path))) refusal = await attempt();
    if (refusal?.because === 'other') return refusal;
    if (refusal === undefined) {
      await this.#session.ask('SUBSCRIBE', path, () => subscribeMailbox(door, path));
      if (await this.#session.ask('LIST', path, () => isListed(door, path))) return this.#note(path);
    }
    // It may be called otherwise than it was asked for, or another client was faster, which not every server has a code for
    this.#known = await this.list();
    const there = this.#known.filter((mailbox) => mailbox.selectable).map((mailbox) => mailbox.path);
    if (there.includes(path)) return path;
    const alike = there.find((one) => foldedName(one) === foldedName(path));
    if (alike !== undefined && (refusal === undefined || refusal.because === 'exists')) return alike;
    // A listing that lags behind: whoever selects it sees whether it is there
    return refusal ?? this.#note(path);
  }

  #note(path: string): string {
    const { delimiter = '' } = this.#namespace(this.#known ?? []);
    this.#known?.push({ path, delimiter, specialUse: undefined, selectable: true });
    return path;
  }

  /** CREATE with the use where the server offers that, and without where it does not take this one (RFC 6154 §3). */
  async #tryUse(path: string, use: SpecialUse | undefined): Promise<CreateRefusal | undefined> {
    const { door } = this.#session;
    const marks = use !== undefined && door.capabilities.has('CREATE-SPECIAL-USE');
    const refusal = marks ? await createMailbox(door, path, use) : undefined;
    const again = !marks || refusal?.responseCode === 'USEATTR' || refusal?.reply === 'BAD';
    const last = again ? await createMailbox(door, path) : refusal;
    return last && createRefusal(last);
  }

  /** RFC 3501 §6.3.3: a server should make what is above a mailbox itself; some want to be asked. True where it helped. */
  async #createParents(path: string): Promise<boolean> {
    const { door } = this.#session;
    const namespace = this.#namespace(this.#known ?? []);
    const levels = levelsOf(path, namespace, 'either');
    let made = false;
    for (let depth = 1; depth < levels.length; depth += 1) {
      const parent = joinLevels(levels.slice(0, depth), namespace);
      if (this.#known?.some((mailbox) => mailbox.path === parent)) continue;
      const refusal = await this.#session.ask('CREATE', parent, () => createMailbox(door, parent));
      if (refusal !== undefined) return false;
      await this.#session.ask('SUBSCRIBE', parent, () => subscribeMailbox(door, parent));
      this.#note(parent);
      made = true;
    }
    return made;
  }
}
