/** The repaired form of a message, as it is sent. */
import type { RepairName } from '../message/repair.ts';

/** What is sent instead of the bytes of RETR. */
export interface RepairedForm {
  readonly repairs: readonly RepairName[];
  readonly size: number;
  readonly hasNul: boolean;
  /** SHA-256 of its bytes, hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of its body in the canonical form of design §8, hexadecimal. */
  readonly body: string;
  open(): AsyncIterable<Buffer>;
}
