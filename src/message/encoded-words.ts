/** Headers as people read them: encoded words (RFC 2047), and 8-bit text. The only place that knows libmime (decision 0013). */

import { isUtf8 } from 'node:buffer';

/** Shows a text with its encoded words decoded; what cannot be decoded stays as it is. */
export type WordDecoder = (text: string) => string;

/** Loads what decodes: its tables of character sets are large, and most accounts have no rule that needs them. */
export async function loadWordDecoder(): Promise<WordDecoder> {
  const { default: libmime } = await import('libmime');
  return (text) => {
    if (!text.includes('=?')) return text;
    try {
      return libmime.decodeWords(text);
    } catch {
      return text;
    }
  };
}

const windows1252 = new TextDecoder('windows-1252');

/** Bytes above 127, which a header's fields have as Latin-1, are UTF-8 (RFC 6532) or, in older mail, mostly Windows-1252. */
export function readEightBit(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  const bytes = Buffer.from(latin1, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : windows1252.decode(bytes);
}
