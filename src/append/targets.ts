/** Where targets are at one destination: found once a session, made where they are missing. */
import type { MailboxInfo } from '../imap/mailbox-info.ts';
import type { MailboxClient } from '../imap/mailboxes.ts';
import type { Reach } from './rules/template.ts';
import { type SpecialTarget, type Target, targetKey } from './target.ts';

/** The name of a special-use mailbox that has to be made. */
const newNames = {
  '\\Sent': 'Sent',
  '\\Junk': 'Junk',
  '\\Archive': 'Archive',
  '\\Trash': 'Trash',
  '\\Drafts': 'Drafts',
};

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
    if (target.kind === 'main') return Promise.resolve(this.#main);
    const key = targetKey(target);
    const path = this.#paths.get(key) ?? this.#find(target);
    this.#paths.set(key, path);
    return path;
  }

  /**
   * The paths of all mailboxes that mail of this account may stand in already, `most` of them at most; none is made.
   * `reaches` is where its rules can send mail besides the account's own mailbox.
   */
  async existing(reaches: readonly Reach[], most: number): Promise<string[]> {
    const paths = new Set([this.#main]);
    const looker = await this.#looker();
    const list = (await looker.list()).filter(({ selectable }) => selectable);
    for (const reach of reaches) {
      for (const path of await this.#reached(reach, list, looker)) if (paths.size < most) paths.add(path);
    }
    return [...paths];
  }

  async #reached(reach: Reach, list: readonly MailboxInfo[], looker: MailboxClient): Promise<string[]> {
    if (reach.kind === 'one') {
      const path = await this.#existingPath(reach.target, looker);
      return path === undefined ? [] : [path];
    }
    const base = reach.use === undefined ? undefined : await this.#specialOrUsual(reach.use, looker);
    if (reach.use !== undefined && base === undefined) return [];
    return list.filter((mailbox) => isBelow(mailbox, base, reach.levels)).map(({ path }) => path);
  }

  async #existingPath(target: Target, looker: MailboxClient): Promise<string | undefined> {
    if (target.kind === 'main') return this.#main;
    if (target.kind === 'named') return looker.find(target.name);
    const path = await this.#specialOrUsual(target.use, looker);
    return path === undefined || target.below === undefined ? path : looker.find(await this.#below(path, target.below));
  }

  async #find(target: Exclude<Target, { kind: 'main' }>): Promise<string> {
    const looker = await this.#looker();
    if (target.kind === 'named') return looker.ensure(target.name);
    const special = await this.#specialIfAny(target.use);
    if (target.below === undefined) return special ?? looker.ensure(newNames[target.use]);
    return looker.ensure(await this.#below(special ?? newNames[target.use], target.below));
  }

  /** A name with `/` between its levels, since the delimiter inside of one would be taken for a part of it. */
  async #below(path: string, name: string): Promise<string> {
    const list = await (await this.#looker()).list();
    const delimiter = list.find((mailbox) => mailbox.path === path)?.delimiter || '/';
    return `${path.split(delimiter).join('/')}/${name}`;
  }

  async #specialOrUsual(use: SpecialTarget, looker: MailboxClient): Promise<string | undefined> {
    return (await this.#specialIfAny(use)) ?? looker.find(newNames[use]);
  }

  /** RFC 6154: by attribute, whatever its name is. */
  async #specialIfAny(use: string): Promise<string | undefined> {
    const list = await (await this.#looker()).list();
    return list.find((mailbox) => mailbox.specialUse === use && mailbox.selectable)?.path;
  }
}

/** Whether the levels of a mailbox, or those below `base`, pass; one level before them may be the namespace's prefix. */
function isBelow({ path, delimiter }: MailboxInfo, base: string | undefined, tests: Reachable): boolean {
  if (base !== undefined && !path.startsWith(base + delimiter)) return false;
  const name = base === undefined ? path : path.slice(base.length + delimiter.length);
  const levels = delimiter === '' ? [name] : name.split(delimiter);
  const extra = levels.length - tests.length;
  if (extra !== 0 && (extra !== 1 || base !== undefined)) return false;
  return tests.every((test, at) => test(levels[at + extra]!));
}

type Reachable = Extract<Reach, { kind: 'many' }>['levels'];
