/** Messages that are at the destination more often than at the source. */
import type { Contents } from './contents.ts';
import type { Expected } from './expected.ts';
import type { Held, Holdings } from './holdings.ts';
import { surplus } from './verdict.ts';

/** A message that is there too often: its number, and the places of the copies that are too many. */
export interface Doubled {
  readonly n: number;
  readonly copies: readonly Held[];
}

/**
 * Finds them among messages with one fingerprint of which some are twins of source messages and some are not; content
 * decides. Gives those their verdict. Throws MailhaulError.
 */
export async function findDoubles(
  expected: Expected,
  holdings: Holdings,
  contents: (held: Held) => Promise<Contents | undefined>,
): Promise<Doubled[]> {
  const found = new Map<number, readonly Held[]>();
  const isOwn = ({ mailbox }: Held) => !holdings.mailboxes[mailbox]!.virtual;
  const isClaimed = ({ number }: Held) => holdings.claims(number) > 0;
  for (const group of holdings.groups()) {
    if (!group.some(isClaimed) || !group.some((held) => isOwn(held) && !isClaimed(held))) continue;
    for (const same of await byContent(group, contents)) {
      const messages = same.map((held) => ({ own: isOwn(held), claimed: isClaimed(held) }));
      const claims = same.reduce((sum, { number }) => sum + holdings.claims(number), 0);
      const places = surplus({ claims, messages });
      const twin = same.find(isClaimed);
      if (twin && places.length > 0)
        found.set(
          twin.number,
          places.map((place) => same[place]!),
        );
    }
  }
  const doubled: Doubled[] = [];
  for (let n = 0; n < expected.size && found.size > 0; n += 1) {
    const copies = found.get(expected.place(n));
    const verdict = expected.verdict(n);
    if (!copies || (verdict !== 'present' && verdict !== 'moved')) continue;
    // Of several source messages with one twin, the first is named.
    found.delete(expected.place(n));
    expected.decide(n, 'doubled', expected.place(n));
    doubled.push({ n, copies });
  }
  return doubled;
}

async function byContent(group: readonly Held[], contents: (held: Held) => Promise<Contents | undefined>) {
  const classes = new Map<string, Held[]>();
  for (const held of group) {
    const body = (await contents(held))?.body.toString('hex');
    if (body !== undefined) classes.set(body, [...(classes.get(body) ?? []), held]);
  }
  return classes.values();
}
