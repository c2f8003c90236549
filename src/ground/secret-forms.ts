/** Every form in which a server might repeat a secret that it was sent. */

/** The text itself and what it looks like in quotes, in a URL, read as Latin-1, in hexadecimal, and in base64 behind anything. */
export function secretForms(secret: string): string[] {
  if (secret === '') return [];
  const quoted = [secret.replace(/["\\]/g, '\\$&'), JSON.stringify(secret).slice(1, -1)];
  const plain = [secret, ...quoted, encodeURIComponent(secret)].flatMap((text) => [text, asLatin1(text)]);
  return [...plain, ...plain.flatMap(encodings)];
}

/** Its UTF-8, read as if each byte were a character. */
function asLatin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function encodings(text: string): string[] {
  const bytes = Buffer.from(text);
  // Each place in a group of three bytes has its own base64; the characters that share bits with the neighbours go.
  const inside = [0, 1, 2].map((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return whole.slice(shift === 0 ? 0 : shift + 1, (shift + bytes.length) % 3 === 0 ? undefined : -1);
  });
  const alike = inside.flatMap((piece) => [piece, piece.replaceAll('+', '-').replaceAll('/', '_')]);
  // A piece of base64 as short as that stands in any text.
  return [bytes.toString('hex'), bytes.toString('base64'), ...alike.filter((piece) => piece.length > 3)];
}

/** A pattern that finds any of these texts, in any case, the longest first; undefined where there is none. */
export function anyOf(texts: Iterable<string>): RegExp | undefined {
  const parts = [...new Set(texts)].filter((text) => text !== '').sort((a, b) => b.length - a.length);
  if (parts.length === 0) return undefined;
  return new RegExp(parts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'gi');
}
