/**
 * What nominates a message as the twin of another: Message-ID, Date, From and Subject, all four (design §8), unless the
 * settings say otherwise. A message without a Message-ID is nominated by its other address and content fields and must
 * be confirmed by its content.
 */
import { digest } from '../ground/digest.ts';
import type { Settings } from '../ground/settings.ts';
import { firstField, type HeaderFields } from './header.ts';

/** Bytes of a fingerprint: 72 bits, so that a million messages on each side meet by chance less than once in 10⁹ migrations. */
export const fingerprintBytes = 9;

/** What a fingerprint is made of. Those of two kinds are never compared. */
export const fingerprintKinds = ['headers', 'message-id', 'content'] as const;

/** One of them: all four fields, the Message-ID alone, or Date, From and Subject without it. */
export type FingerprintKind = (typeof fingerprintKinds)[number];

/** The nomination of one message. */
export interface Fingerprint {
  readonly bytes: Buffer;
  /** True when the headers alone may decide; false when only content can confirm. */
  readonly hasMessageId: boolean;
}

/** The kind of fingerprint that a policy compares. With `off` our own mail is still found by it. */
export function kindOf(dedupe: Settings['dedupe']): FingerprintKind {
  return dedupe === 'message-id' || dedupe === 'content' ? dedupe : 'headers';
}

/** The fingerprint of a message's header. */
export function fingerprint(fields: HeaderFields, kind: FingerprintKind = 'headers'): Fingerprint {
  const common = ['date', 'from', 'subject'].map((name) => canonicalField(fields, name));
  if (kind === 'content') return { bytes: digest(fingerprintBytes, 'content', ...common), hasMessageId: false };
  const messageId = canonicalField(fields, 'message-id').replaceAll(' ', '');
  if (messageId !== '') {
    const confirming = kind === 'message-id' ? [] : common;
    return { bytes: digest(fingerprintBytes, 'id', messageId, ...confirming), hasMessageId: true };
  }
  const others = ['to', 'cc', 'reply-to', 'sender'].map((name) => canonicalField(fields, name));
  return { bytes: digest(fingerprintBytes, 'no-id', ...common, ...others), hasMessageId: false };
}

/** NUL is shown as 0x80 by Dovecot; white space is folded differently by many servers. */
function canonicalField(fields: HeaderFields, name: string): string {
  return firstField(fields, name).replaceAll('\0', '\x80');
}
