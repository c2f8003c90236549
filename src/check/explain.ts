/** What a person should do about a failure: more than the table of errors can say without knowing the host. Pure. */
import { loginAdvice } from '../accounts/advice.ts';
import type { Profile, QuirkName } from '../accounts/profile-schema.ts';
import type { ErrorCode, MailhaulError } from '../ground/errors.ts';

/** One side of an account, as far as an explanation needs it. */
export interface Subject {
  readonly side: 'source' | 'destination';
  readonly user: string;
  readonly profile: Profile | undefined;
}

const protocolOf = { source: 'POP', destination: 'IMAP' } as const;

/** What a profile has to say of a refusal that tells its reason. */
const quirkOf: Partial<Record<ErrorCode, QuirkName>> = {
  'app-password-needed': 'appPasswordNeeded',
  'oauth-needed': 'oauthOnly',
  'web-login-needed': 'webSignInFirst',
  'pop-disabled': 'popMustBeEnabled',
  'imap-disabled': 'imapMustBeEnabled',
};

/** The remedy of an error at one side of an account. */
export function remedyFor(error: MailhaulError, subject: Subject): string {
  switch (error.code) {
    case 'credentials-refused':
      return refusedRemedy(String(error.details['reply'] ?? ''), subject);
    case 'account-busy':
      return 'The password was not the matter. Close other programs that fetch this mailbox and check again; a run tries again by itself.';
    case 'server-unavailable':
    case 'server-silent':
    case 'connection-lost':
      return 'Check again; a run tries again by itself. If it lasts, ask whoever runs the server.';
    case 'tls-unverified':
      return certificateRemedy(error, subject.side);
    default: {
      const quirk = quirkOf[error.code];
      const text = quirk && loginAdvice(subject.profile, subject.side, [quirk]);
      return [error.remedy, text].filter(Boolean).join(' ');
    }
  }
}

/** A refusal that tells nothing: what it is likely to be, likeliest first. No other name is tried: accounts lock. */
function refusedRemedy(reply: string, { side, user, profile }: Subject): string {
  const protocol = protocolOf[side];
  const parts = [`Correct user name and password; what was refused is not tried more often than credentialTries.`];
  const form = wrongForm(user, profile, side);
  const known = loginAdvice(profile, side);
  if (form) parts.unshift(form);
  // Exchange says this of a mailbox without the protocol, too, and of one whose owner has never signed in.
  if (/unknown user name or bad password/i.test(reply)) {
    parts.push(
      `Exchange answers the same where ${protocol} is switched off for the mailbox (ask its administrator) and where the user has never signed in on the web.`,
    );
  } else if (/\bor (?:pop3?|imap4?)\b/i.test(reply)) {
    parts.push(`The answer leaves open whether ${protocol} is switched off: look in the settings of the mailbox.`);
  }
  if (known) parts.push(known);
  else if (!form) parts.push(otherForm(user), 'Providers with two-step sign-in want an app password.');
  return parts.join(' ');
}

/** The profile says another form of the user name than the list has. */
function wrongForm(user: string, profile: Profile | undefined, side: Subject['side']): string | undefined {
  const isAddress = user.includes('@');
  const form = (side === 'source' ? profile?.pop : profile?.imap)?.user;
  if (form === 'local' && isAddress) {
    return `At ${profile?.title} the user name is the part before the @: write that into the list.`;
  }
  if (form === 'address' && !isAddress) {
    return `At ${profile?.title} the user name is the whole address: write that into the list.`;
  }
  return undefined;
}

function otherForm(user: string): string {
  return user.includes('@')
    ? 'Some servers want only the part before the @ as user name.'
    : 'Many servers want the whole address as user name.';
}

/** By the words of OpenSSL and Node.js. `fingerprint` is the SHA-256 of the certificate that was shown, if it was seen. */
function certificateRemedy({ details }: MailhaulError, side: Subject['side']): string {
  const column = side === 'source' ? 'pop' : 'imap';
  const reason = String(details['reason'] ?? '');
  const pin = pinRemedy(column, details['fingerprint']);
  if (/expired/i.test(reason)) {
    return `The certificate has ended: whoever runs the server must renew it. Nothing is sent to the server until then, unless this very certificate is pinned. ${pin}`;
  }
  if (/not yet valid/i.test(reason)) return 'Check the clock of this machine and that of the server.';
  if (/altnames|hostname/i.test(reason)) {
    return `Write one of the names that stand in the certificate as ${column}_host (a shared hosting server often has its own name in it), or as serverName of this host under connections. ${pin}`;
  }
  if (/self[- ]signed|unable to (?:get|verify)|issuer/i.test(reason)) {
    return `No authority that this machine knows has signed the certificate: name its authority, or a self-signed certificate itself, with ${column}_tls_ca. ${pin}`;
  }
  return `Use the name that stands in the certificate, or name the authority of the server with ${column}_tls_ca. ${pin}`;
}

/** Whoever stands between would show a certificate of his own: a fingerprint is compared by another way before it is pinned. */
function pinRemedy(column: string, fingerprint: string | number | undefined): string {
  const compare = "Compare it with the server's administrator before you do: someone in between would show another.";
  return fingerprint === undefined
    ? `The last resort is to pin it with ${column}_tls_pin; docs/transport.md says how its fingerprint is had. ${compare}`
    : `The last resort is to pin it with ${column}_tls_pin; the SHA-256 fingerprint that was seen is ${fingerprint}. ${compare}`;
}
