/** The text of a date as plain words: what is encoded is decoded, accents and comments are taken off. */

/** A date's text without what only decorates it, in lower case ASCII with single blanks. */
export interface PlainDate {
  /** All that stands outside of brackets. */
  readonly text: string;
  /** What stood in brackets: often the name of the zone. */
  readonly comment: string;
}

/** No date is longer, not even one that is encoded and has its zone spelled out. */
const DATE_MAX_CHARACTERS = 400;

/** The plain words of a date. Bytes were read as Latin-1, and are UTF-8 where they can be. */
export function plainDate(raw: string): PlainDate {
  const words = ascii(decodeWords(raw.slice(0, DATE_MAX_CHARACTERS)));
  let depth = 0;
  let text = '';
  let comment = '';
  for (const character of words) {
    if (character === '(') depth += 1;
    if (depth > 0) comment += character;
    else text += character;
    if (character !== ')' || depth === 0) continue;
    depth -= 1;
    if (depth === 0) text += ' ';
  }
  return { text: blanks(text), comment: blanks(comment.replace(/[()]/g, ' ')) };
}

/** RFC 2047 has no place in a date; some programs encode every field they write. */
function decodeWords(text: string): string {
  return text.replace(/=\?[\w-]{1,40}\?([bq])\?([^\s?]*)\?=/gi, (_, encoding: string, encoded: string) => {
    if (encoding.toLowerCase() === 'b') return Buffer.from(encoded, 'base64').toString('latin1');
    return encoded
      .replaceAll('_', ' ')
      .replace(/=([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  });
}

/** `März` in any of its encodings becomes `marz`; a letter that was lost on the way becomes `?`. */
function ascii(text: string): string {
  const lower = unicode(text).normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  return lower.replace(/[^\x21-\x7e\s]/g, '?');
}

function unicode(text: string): string {
  if (!/[\x80-\xff]/.test(text) || /[^\0-\xff]/.test(text)) return text;
  const utf8 = Buffer.from(text, 'latin1').toString('utf8');
  return utf8.includes('\ufffd') ? text : utf8;
}

function blanks(text: string): string {
  return text.replace(/["'\s]+/g, ' ').trim();
}
