/** Which mailing list a message came by. */
import { firstField, type HeaderFields } from './header.ts';

/** Longest identifier that is believed (RFC 2919 §3). */
const listIdMaxLength = 255;

/**
 * The identifier of List-Id in lower case (RFC 2919 §2: it is compared without regard to case): what stands in angle
 * brackets, or all of it where somebody left them out. Undefined where there is none.
 */
export function listIdOf(fields: HeaderFields): string | undefined {
  const value = firstField(fields, 'list-id');
  const open = value.lastIndexOf('<');
  const inner = open === -1 ? value : (value.slice(open + 1).split('>')[0] ?? '');
  const id = inner.replace(/\s+/g, '').toLowerCase();
  return id === '' || id.length > listIdMaxLength ? undefined : id;
}
