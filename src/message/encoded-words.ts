/** Encoded words of headers (RFC 2047) as people read them. The only place that knows libmime (decision 0013). */

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
