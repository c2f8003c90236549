/** Texts that would be more than text in a command, if nobody took care. */
import fc from 'fast-check';

// What ends lines, strings, literals and fields, and what is more than a byte.
const pieces = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  '\x01',
  '\t',
  ' ',
  '"',
  '\\',
  '{5}',
  '{5+}',
  '%',
  '*',
  '(',
  ')',
  '&',
  '=',
  ',',
  '+',
];
const letters = ['a', '/', '.', 'é', '\x85', '☺', '😀'];
// What must never arrive as a command, or pass for an answer.
const commands = [
  '\r\nQUIT\r\n',
  '\nDELE 1',
  'RSET',
  '\r\nx LOGOUT\r\n',
  '" x DELETE INBOX',
  '+OK',
  '-ERR',
  '\r\n.\r\n',
];

/** Any such text, now and then a long one; it may be empty. */
export const nastyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: fc.constantFrom(...pieces, ...letters, ...commands), maxLength: 12 }) },
  { weight: 1, arbitrary: fc.integer({ min: 150, max: 3000 }).map((length) => 'x'.repeat(length)) },
);

const someText = nastyText.map((text) => text || 'x');
/** Without what no command can carry, so that it is sent. */
export const sendableText: fc.Arbitrary<string> = someText.map((text) => text.replace(/[\r\n\0]/g, '|'));
/** A user name or a password; one in four may not be sent. */
export const nastyCredential: fc.Arbitrary<string> = fc.oneof(someText, sendableText, sendableText, sendableText);
