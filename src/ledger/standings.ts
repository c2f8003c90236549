/** How the messages of a ledger stand to a run that finds them listed again. */
import { type Outcome, outcomeOf, outcomeOffset, recordBytes, runAt } from './record.ts';

/** Ended in an earlier run: appended, a duplicate, or refused and accepted. */
export const endedBefore = 0;
/** Refused in an earlier run and not accepted. */
export const refusedBefore = 1;
/** Vanished in an earlier run: where it is listed again it is there again. */
export const vanishedBefore = 2;
/** Ended in this run. */
export const endedNow = 3;

/** The standings of all records of a ledger to one run. */
export interface Standings {
  readonly run: number;
  /** One of the four for each record, by its number. */
  readonly of: Uint8Array;
  /** How many records are `endedNow`; of several with one key each counts. */
  readonly endedNow: number;
}

const ofOutcome: Record<Outcome, number> = {
  appended: endedBefore,
  duplicate: endedBefore,
  accepted: endedBefore,
  refused: refusedBefore,
  vanished: vanishedBefore,
};
/** The same by the byte that a record has for its outcome: no call and no text a record, as there may be very many. */
const ofByte = Uint8Array.from({ length: 256 }, (_, byte) => ofOutcome[outcomeOf(byte)]);

/** Reads them from packed records. */
export function standingsOf(records: Buffer, run: number): Standings {
  const of = new Uint8Array(Math.floor(records.length / recordBytes));
  let now = 0;
  for (let i = 0, at = 0; i < of.length; i += 1, at += recordBytes) {
    if (runAt(records, at) === run) {
      of[i] = endedNow;
      now += 1;
    } else of[i] = ofByte[records[at + outcomeOffset]!]!;
  }
  return { run, of, endedNow: now };
}
