/**
 * Text of others (subjects, replies, names, ids) as it is shown. The page puts text into text nodes only, so that none of it is
 * markup; what is left are characters that nobody sees or that turn the order of the others around (CVE-2021-42574).
 */

const unseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** The text on one line, with a sign for each character that would not be seen, at most `longest` characters. */
export function visible(text: string, longest = 2000): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut.replace(/\r?\n|\t/g, ' ').replace(unseen, sign);
}

/** Control Pictures of Unicode where there is one; the number otherwise. */
function sign(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  return `⟨${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}
