/**
 * Sources that give their messages new unique ids: after a move to another server, or when UIDVALIDITY changed. What
 * was carried before is recognised by its content, so that it is not carried again.
 */

import { KeyTable } from '../ledger/key-table.ts';
import { keyBytes, type LedgerRecord } from '../ledger/record.ts';
import type { LedgerTable } from '../ledger/table.ts';

/** Fewer messages than this say nothing about a pattern. */
const fewest = 4;

/** Contents of messages that were carried and are no longer listed under the ids they had. */
export class RenamedMail {
  readonly #records = new Map<string, LedgerRecord[]>();

  constructor(records: Iterable<LedgerRecord>) {
    for (const record of records) {
      const name = nameOf(record.content.toString('hex'), record.size);
      const same = this.#records.get(name);
      if (same) same.push(record);
      else this.#records.set(name, [record]);
    }
  }

  /** The record of a message with this content; each stands for one message only. */
  take(sha256: string, size: number): LedgerRecord | undefined {
    return this.#records.get(nameOf(sha256.slice(0, 16), size))?.pop();
  }
}

/**
 * Judges whether the source has renamed its mail: most of what was carried is not listed any more, and about as many
 * unknown messages are. `keys` holds the keys of the listing, packed. Returns what was carried, or undefined.
 */
export function renamedMail(
  keys: Buffer,
  ledger: LedgerTable,
  wanted: number,
  run: number,
): LedgerRecord[] | undefined {
  const listed = new KeyTable(keys, keyBytes);
  const gone: LedgerRecord[] = [];
  let carried = 0;
  for (const record of ledger) {
    if (record.run === run || (record.outcome !== 'appended' && record.outcome !== 'duplicate')) continue;
    carried += 1;
    if (listed.find(record.key) === -1) gone.push(record);
  }
  const most = gone.length >= fewest && gone.length * 2 > carried && wanted * 2 > gone.length;
  return most ? gone : undefined;
}

function nameOf(content: string, size: number): string {
  return `${content}.${size}`;
}
