/**
 * Destinations that merge: Gmail says OK to a message with the Message-ID of another and keeps the other. What the OK
 * points at (RFC 4315 §3) tells: a UID that was given before the command was sent, or to another message of the session.
 */

/** Stretches of UIDs that are kept apart; beyond them the lowest grow together. */
const stretchesMax = 1000;

/** UIDs that were given, as stretches: a mailbox that nobody else writes to has one. */
export class GivenUids {
  /** Ascending, without overlap. */
  readonly #stretches: { from: number; to: number }[] = [];

  /** Notes a UID. Returns false when it was given already. */
  give(uid: number): boolean {
    let at = this.#stretches.length;
    // New UIDs are the highest as a rule.
    while (at > 0 && this.#stretches[at - 1]!.from > uid) at -= 1;
    const before = this.#stretches[at - 1];
    if (before && uid <= before.to) return false;
    const after = this.#stretches[at];
    if (before && uid === before.to + 1) before.to = uid;
    else if (after && uid === after.from - 1) after.from = uid;
    else this.#stretches.splice(at, 0, { from: uid, to: uid });
    this.#join(at);
    return true;
  }

  #join(at: number): void {
    const [before, after] = [this.#stretches[at - 1], this.#stretches[at]];
    if (before && after && before.to + 1 === after.from) {
      before.to = after.to;
      this.#stretches.splice(at, 1);
    }
    if (this.#stretches.length <= stretchesMax) return;
    // What lies between the two lowest is long past: commands under way get higher ones.
    this.#stretches[0]!.to = this.#stretches[1]!.to;
    this.#stretches.splice(1, 1);
  }
}

/** Watches the answers of one session. */
export class MergeWatch {
  readonly #given = new Map<string, GivenUids>();

  /**
   * Which messages of an answered command the destination merged into others. `uidNext` is what UIDNEXT was before the
   * command at the most; UIDs are undefined where the server does not tell them, and then nothing is known. A mailbox
   * with another UIDVALIDITY is another one.
   */
  merged(
    { path, uidValidity }: { readonly path: string; readonly uidValidity: number },
    uids: readonly number[] | undefined,
    uidNext: number,
  ): boolean[] {
    const mailbox = `${uidValidity} ${path}`;
    const given = this.#given.get(mailbox) ?? new GivenUids();
    this.#given.set(mailbox, given);
    return (uids ?? []).map((uid) => {
      const isNew = given.give(uid);
      return uid < uidNext || !isNew;
    });
  }
}
