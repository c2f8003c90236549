/** Text of servers, headers and lists as a report shows it. */

const invisible = /[\u007f-\u009f\u2028\u2029]|(?![\u200c\u200d])\p{Cf}|\p{Cs}/gu;

/**
 * Gives a form to what has none: control characters become their pictures, marks of direction and others that could
 * make a text look like another become `⟨U+202E⟩`. What joins letters stays: it turns nothing round.
 */
export function visible(text: string): string {
  return text
    .replace(/[\u0000-\u001f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)))
    .replace(invisible, (one) => `⟨U+${one.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`);
}
