/** The repaired form of one message on its way: made after a refusal, sent in its place, known by its original. */
import { createHash } from 'node:crypto';
import type { Settings } from '../ground/settings.ts';
import type { Repair } from '../ledger/repairs.ts';
import type { Settlement } from '../ledger/settle.ts';
import { bodyDigest } from '../message/canonical.ts';
import { fingerprint as fingerprintOf, kindOf } from '../message/fingerprint.ts';
import { headerEnd, headerFields } from '../message/header.ts';
import { type RepairName, repaired } from '../message/repair.ts';
import type { BatchFile } from '../spool/batch-file.ts';
import type { Item } from './items.ts';
import type { RepairedForm } from './repaired-form.ts';

/**
 * The item with one repair more; undefined where the repair would change nothing. Owner and content mark stay those of
 * the message; the fingerprint is that of the repaired header, which is what the destination will show.
 */
export async function repairItem(
  item: Item,
  file: BatchFile,
  name: RepairName,
  { headerMaxBytes, dedupe }: Pick<Settings, 'headerMaxBytes' | 'dedupe'>,
): Promise<Item | undefined> {
  const { message } = item;
  const repairs = [...(item.repaired?.repairs ?? []), name];
  const open = () => repaired(repairs, file.content(message));
  const hash = createHash('sha256');
  let head: Buffer = Buffer.alloc(0);
  let size = 0;
  let hasNul = false;
  for await (const chunk of open()) {
    hash.update(chunk);
    size += chunk.length;
    hasNul ||= chunk.includes(0);
    if (head.length < headerMaxBytes && headerEnd(head) === -1) head = Buffer.concat([head, chunk]);
  }
  const sha256 = hash.digest('hex');
  if (size === 0 || sha256 === (item.repaired?.sha256 ?? message.sha256)) return undefined;
  const body = (await bodyDigest(open())).toString('hex');
  const end = headerEnd(head);
  const header = head.subarray(0, Math.min(headerMaxBytes, end === -1 ? head.length : end));
  const form: RepairedForm = { repairs, size, hasNul, sha256, body, open };
  return { ...item, fingerprint: fingerprintOf(headerFields(header), kindOf(dedupe)).bytes, repaired: form };
}

/** The settlement of an item that is at the destination, with what was repaired, if anything was. */
export function withRepair(settlement: Settlement, { repaired, fingerprint, message }: Item): Settlement {
  if (!repaired) return settlement;
  const { repairs, size, sha256, body } = repaired;
  const { key, uidl, sha256: before } = message;
  const repair: Repair = {
    key,
    uidl,
    repairs,
    before,
    after: sha256,
    size,
    body,
    fingerprint: fingerprint.toString('hex'),
  };
  return { ...settlement, refusal: JSON.stringify(repair) };
}
