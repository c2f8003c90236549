/** Logins that answer a challenge by a keyed MD5, so that the password does not leave: CRAM-MD5 and APOP. */
import { createHash, createHmac } from 'node:crypto';
import type { PopEndpoint } from './endpoint.ts';
import type { SaslDialogue } from './sasl-exchange.ts';

/** CRAM-MD5 (RFC 2195 §2). */
export function cramMd5({ user, password }: PopEndpoint): SaslDialogue {
  let finished = false;
  return {
    name: 'CRAM-MD5',
    get finished() {
      return finished;
    },
    respond: (challenge) => {
      finished = true;
      return `${user} ${createHmac('md5', password).update(challenge).digest('hex')}`;
    },
  };
}

// RFC 5322 §3.6.4 and RFC 1939 §7: msg-id = "<" dot-atom "@" (dot-atom / no-fold-literal) ">".
const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+";
const timestampShape = new RegExp(`<${atom}@(?:${atom}|\\[[\\x21-\\x5a\\x5e-\\x7e]*\\])>`);

/**
 * The timestamp of a greeting, brackets included; undefined where there is none, or none that has the shape of a msg-id:
 * who makes up timestamps of another shape can find out the password from the answers, letter by letter (CVE-2007-1558).
 */
export function apopTimestamp(greeting: Buffer): string | undefined {
  const text = greeting.toString('latin1');
  // Nothing else in angle brackets, and nothing beyond ASCII: collisions of MD5 need both.
  const found = /<.*>/.exec(text)?.[0];
  return found !== undefined && timestampShape.exec(found)?.[0] === found ? found : undefined;
}

/** The digest of APOP (RFC 1939 §7). */
export function apopDigest(timestamp: string, password: string): string {
  return createHash('md5').update(timestamp, 'latin1').update(password, 'utf8').digest('hex');
}
