/** Every form in which a server might repeat a secret that it was sent. */

/** The text itself and what it looks like in base64 (behind anything), in quotes, in a URL, and read as Latin-1. */
export function secretForms(secret: string): string[] {
  if (secret === '') return [];
  const bytes = Buffer.from(secret);
  // Each place in a group of three bytes has its own base64; the characters that share bits with the neighbours go.
  const inside = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(shift === 0 ? 0 : shift + 1, (shift + bytes.length) % 3 === 0 ? undefined : -1);
  });
  const quoted = secret.replace(/["\\]/g, '\\$&');
  const forms = [
    secret,
    quoted,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString('hex'),
  ];
  const all = [...forms, ...forms.map((form) => Buffer.from(form).toString('latin1')), bytes.toString('base64')];
  // A piece of base64 as short as that stands in any text.
  return [...all, ...inside.filter((piece) => piece.length > 3)];
}

/** A pattern that finds any of these texts, in any case, the longest first; undefined where there is none. */
export function anyOf(texts: Iterable<string>): RegExp | undefined {
  const parts = [...new Set(texts)].filter((text) => text !== '').sort((a, b) => b.length - a.length);
  if (parts.length === 0) return undefined;
  return new RegExp(parts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'gi');
}
