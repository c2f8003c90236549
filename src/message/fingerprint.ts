/**
 * What nominates a message as the twin of another: Message-ID, Date, From and Subject, all four (design §8). A message
 * without a Message-ID is nominated by its other address and content fields and must be confirmed by its content.
 */
import { digest } from '../ground/digest.ts';
import { firstField, type HeaderFields } from './header.ts';

/** Bytes of a fingerprint: 72 bits, so that a million messages on each side meet by chance less than once in 10⁹ migrations. */
export const fingerprintBytes = 9;

/** The nomination of one message. */
export interface Fingerprint {
  readonly bytes: Buffer;
  /** True when the headers alone may decide; false when only content can confirm. */
  readonly hasMessageId: boolean;
}

/** The fingerprint of a message's header. */
export function fingerprint(fields: HeaderFields): Fingerprint {
  const messageId = canonicalField(fields, 'message-id').replaceAll(' ', '');
  const common = ['date', 'from', 'subject'].map((name) => canonicalField(fields, name));
  if (messageId !== '') return { bytes: digest(fingerprintBytes, 'id', messageId, ...common), hasMessageId: true };
  const others = ['to', 'cc', 'reply-to', 'sender'].map((name) => canonicalField(fields, name));
  return { bytes: digest(fingerprintBytes, 'no-id', ...common, ...others), hasMessageId: false };
}

/** NUL is shown as 0x80 by Dovecot; white space is folded differently by many servers. */
function canonicalField(fields: HeaderFields, name: string): string {
  return firstField(fields, name).replaceAll('\0', '\x80');
}
