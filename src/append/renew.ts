/** Messages that were spooled when another kind of fingerprint was compared get those of today. */
import { type FingerprintKind, fingerprint } from '../message/fingerprint.ts';
import { headerFields } from '../message/header.ts';
import type { Manifest, SpooledMessage } from '../spool/batch-file.ts';

/** True for a batch whose fingerprints are of this kind. */
export function hasKind({ fingerprints = 'headers' }: Manifest, kind: FingerprintKind): boolean {
  return fingerprints === kind;
}

/** The message with its fingerprint of this kind, taken from its header. */
export function renewed(message: SpooledMessage, header: Buffer, kind: FingerprintKind): SpooledMessage {
  const { bytes, hasMessageId } = fingerprint(headerFields(header), kind);
  return { ...message, fingerprint: bytes.toString('hex'), hasMessageId };
}
