/** The made mailboxes of the benchmark: the same on every machine, written once into the maildrops of a source server. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { type Delivery, deliver } from '../../src/demo/maildir.ts';
import { type MadeMessage, makeMessage } from './made-messages.ts';
import { Random } from './random.ts';

/** Which mail a scenario moves. */
export type CorpusName = 'big' | 'd40' | 'small' | 'users';

/** One maildrop of a corpus. */
export interface MaildropPlan {
  readonly user: string;
  readonly seed: number;
  readonly messages: number;
  /** Draws the size of a message in bytes. */
  readonly size: (random: Random) => number;
}

/** What a filled maildrop holds. */
export interface Maildrop {
  readonly user: string;
  readonly messages: number;
  /** As sent by RETR, with CRLF and without stuffing. */
  readonly bytes: number;
  /** SHA-256 over all messages in their order, as they were delivered. */
  readonly digest: string;
}

/** Changed whenever the messages change, so that what was kept from an earlier version is made again. */
const version = 1;
const firstDelivery = Date.UTC(2006, 0, 1);
const lastDelivery = Date.UTC(2025, 5, 1);
const largest = 10_000_000;
const smallest = 700;
const counts: Record<'full' | 'quick', Record<CorpusName, readonly [users: number, messages: number]>> = {
  full: { big: [1, 5_000], d40: [1, 500], small: [1, 10_000], users: [20, 500] },
  quick: { big: [1, 300], d40: [1, 30], small: [1, 300], users: [20, 20] },
};
const seeds: Record<CorpusName, number> = { big: 112, d40: 201, small: 301, users: 401 };
const sizes: Record<CorpusName, (random: Random) => number> = {
  big: (random) => clamp(random.logNormal(12_000, 1.88)),
  d40: (random) => clamp(random.logNormal(12_500, 1.25)),
  small: (random) => clamp(random.normal(3_000, 600), 20_000),
  users: (random) => clamp(random.logNormal(12_000, 1.2)),
};

function clamp(size: number, most = largest): number {
  return Math.round(Math.min(most, Math.max(smallest, size)));
}

/** The maildrops of a corpus. The number of messages is in the name of the user. */
export function maildropsOf(name: CorpusName, extent: 'full' | 'quick'): MaildropPlan[] {
  const [users, messages] = counts[extent][name];
  return Array.from({ length: users }, (_, index) => ({
    user: users === 1 ? `${name}-${messages}` : `${name}-${messages}-${String(index).padStart(2, '0')}`,
    seed: seeds[name] + index,
    messages,
    size: sizes[name],
  }));
}

/** The messages of a maildrop, the oldest first, one in memory at a time. */
export function* messagesOf(plan: MaildropPlan): Generator<MadeMessage> {
  const random = new Random(plan.seed);
  const step = (lastDelivery - firstDelivery) / plan.messages;
  for (let number = 0; number < plan.messages; number += 1) {
    // Whole seconds: a Maildir keeps nothing finer, and neither does INTERNALDATE.
    const seconds = Math.floor((firstDelivery + (number + random.fraction()) * step) / 1000);
    const delivered = new Date(seconds * 1000);
    yield makeMessage(random, { user: plan.user, number, size: plan.size(random), delivered });
  }
}

/** Makes sure that a server has a maildrop; one that was written earlier is used again. */
export async function fillMaildrop(server: Dovecot, plan: MaildropPlan): Promise<Maildrop> {
  const notes = join(server.directory, 'corpora');
  const note = join(notes, `${plan.user}.json`);
  const home = join(server.mailRoot, plan.user);
  const kept = await read(note);
  if (kept?.version === version && kept.messages === plan.messages && (await exists(home))) return withoutVersion(kept);
  await rm(note, { force: true });
  await rm(home, { recursive: true, force: true });
  const digest = createHash('sha256');
  const total = { messages: 0, bytes: 0 };
  function* deliveries(): Generator<Delivery> {
    for (const { bytes, delivered } of messagesOf(plan)) {
      digest.update(bytes);
      total.messages += 1;
      total.bytes += wireBytes(bytes);
      yield { bytes, internalDate: delivered, seen: true };
    }
  }
  await deliver({ server, user: plan.user }, deliveries());
  const made = { version, user: plan.user, ...total, digest: digest.digest('hex') };
  await mkdir(notes, { recursive: true });
  await writeFile(note, JSON.stringify(made));
  return withoutVersion(made);
}

/** How many bytes RETR gives for a message whose lines end in LF: every one becomes CRLF. */
export function wireBytes(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1;
  return bytes.length + lines;
}

/** A maildrop is not what it was when it was filled: next time it is made anew. */
export async function spoilMaildrop(server: Dovecot, user: string): Promise<void> {
  await rm(join(server.directory, 'corpora', `${user}.json`), { force: true });
}

async function read(path: string): Promise<(Maildrop & { version: number }) | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function withoutVersion({ user, messages, bytes, digest }: Maildrop): Maildrop {
  return { user, messages, bytes, digest };
}
