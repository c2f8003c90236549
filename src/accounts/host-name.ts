/** What may be the name of a host. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
// The last label of a name is never all digits (RFC 1123 §2.1): 10.0.0.256 is a wrong address, not a name.
const nameShape = new RegExp(`^(?:${label}\\.)*(?![0-9]+$)${label}$`);

/**
 * A host in its plain form: an address without brackets, a name in ASCII and without a final dot. `text` is in lower
 * case. Undefined for what is no host.
 */
export function hostName(text: string): string | undefined {
  const inBrackets = /^\[(.+)\]$/.exec(text)?.[1];
  if (inBrackets !== undefined) return isIP(inBrackets) === 6 ? inBrackets : undefined;
  if (isIP(text) !== 0) return text;
  // domainToASCII takes 1.2.3 for an address, so plain names do not pass through it.
  const name = (/^[\x21-\x7e]+$/.test(text) ? text : domainToASCII(text)).replace(/\.$/, '');
  return name.length <= 253 && nameShape.test(name) ? name : undefined;
}
