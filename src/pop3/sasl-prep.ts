/** Preparing names and passwords for comparison: SASLprep (RFC 4013), in the form that Unicode has today. */

// RFC 3454 B.1: mapped to nothing.
const nothing = /\u034f|[\u00ad\u1806\u2060\ufeff]|[\u180b-\u180d]|[\u200b-\u200d]|[\ufe00-\ufe0f]/g;
// RFC 3454 C.1.2: spaces other than the one of ASCII. U+200B is in both lists and goes by this one.
const spaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;
// RFC 3454 C.2 to C.9: what may not be in the result.
const prohibited =
  /[\u0000-\u001f\u007f-\u009f\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\ud800-\udfff\ue000-\uf8ff\ufff9-\uffff\u{e0001}\u{e0020}-\u{e007f}\u{f0000}-\u{10ffff}]/u;

/**
 * A name or password as SASLprep has it: odd spaces made plain, what is invisible left out, and NFKC. Text that has no
 * such form goes as it is, and so does ASCII. Characters that Unicode got after version 3.2 are taken as they come, and the
 * rule on writing directions (RFC 3454 §6) is not applied: both could only keep a user from a server that is less strict.
 */
export function saslPrep(text: string): string {
  const prepared = text.replace(spaces, ' ').replace(nothing, '').normalize('NFKC');
  return prepared === '' || prohibited.test(prepared) ? text : prepared;
}
