/** Where targets are at one destination: found once a session, made where they are missing. */
import type { MailboxInfo } from '../imap/mailbox-info.ts';
import type { MailboxView } from '../imap/mailbox-view.ts';
import type { MailboxClient } from '../imap/mailboxes.ts';
import type { Reach } from './rules/template.ts';
import { mainTarget, type Target, targetKey } from './target.ts';

/** The targets of one destination. */
export class Targets {
  readonly #main: string;
  readonly #looker: () => Promise<MailboxClient>;
  readonly #paths = new Map<string, Promise<string>>();

  /** `main` is `imap_mailbox`. */
  constructor(main: string, looker: () => Promise<MailboxClient>) {
    this.#main = main;
    this.#looker = looker;
  }

  /** The full path of a target; its mailbox is made where it is missing. Throws MailhaulError. */
  pathOf(target: Target): Promise<string> {
    // INBOX is always there (RFC 3501 §5.1), and the first append need not wait for the connection that looks
    if (target.kind === 'main' && this.#main.toUpperCase() === 'INBOX') return Promise.resolve('INBOX');
    const key = targetKey(target);
    const path = this.#paths.get(key) ?? this.#find(target);
    this.#paths.set(key, path);
    return path;
  }

  /**
   * The paths of all mailboxes that mail of this account may stand in already, `most` of them at most; only the account's own is made.
   * `reaches` is where its rules can send mail besides the account's own mailbox, `view` what the destination has.
   */
  async existing(reaches: readonly Reach[], most: number, view: MailboxView): Promise<string[]> {
    const main = await this.pathOf(mainTarget);
    const paths = new Set([main]);
    for (const reach of reaches) {
      for (const path of reached(reach, main, view)) if (paths.size < most) paths.add(path);
    }
    return [...paths];
  }

  /** Names that the destination did not take, with the names of the mailboxes that serve for them. */
  async renamed(): Promise<ReadonlyMap<string, string>> {
    // No mailbox was asked for by name where only INBOX was needed, and then nobody waits for that connection
    return this.#paths.size === 0 ? new Map() : (await this.#looker()).renamed;
  }

  async #find(target: Target): Promise<string> {
    const looker = await this.#looker();
    // A person writes imap_mailbox in full, with the delimiter of the server; what a rule makes may have dots in it
    if (target.kind === 'main') return looker.ensure(this.#main, 'either');
    if (target.kind === 'named') return looker.ensure(target.name, 'levels');
    return looker.ensureSpecial(target.use, target.below);
  }
}

function reached(reach: Reach, main: string, view: MailboxView): string[] {
  if (reach.kind === 'one') {
    const path = existingPath(reach.target, main, view);
    return path === undefined ? [] : [path];
  }
  const base = reach.use === undefined ? undefined : view.special(reach.use);
  if (reach.use !== undefined && base === undefined) return [];
  return view.mailboxes
    .filter((mailbox) => mailbox.selectable && isBelow(mailbox, base, reach.levels))
    .map(({ path }) => path);
}

function existingPath(target: Target, main: string, view: MailboxView): string | undefined {
  if (target.kind === 'main') return main;
  return target.kind === 'named' ? view.find(target.name, 'levels') : view.special(target.use, target.below);
}

/** Whether the levels of a mailbox, or those below `base`, pass; one level before them may be the namespace's prefix. */
function isBelow({ path, delimiter }: MailboxInfo, base: string | undefined, tests: Reachable): boolean {
  // Where there is no hierarchy the levels of a name are joined otherwise (docs/mailbox-names.md)
  const separator = delimiter || '_';
  if (base !== undefined && !path.startsWith(base + separator)) return false;
  const name = base === undefined ? path : path.slice(base.length + separator.length);
  const levels = name.split(separator);
  const extra = levels.length - tests.length;
  if (extra !== 0 && (extra !== 1 || base !== undefined)) return false;
  return tests.every((test, at) => test(levels[at + extra]!));
}

type Reachable = Extract<Reach, { kind: 'many' }>['levels'];
