/** The fields of one message as rules see them: as they stand there and decoded, bounded, made once. */
import { readEightBit, type WordDecoder } from '../../message/encoded-words.ts';
import type { HeaderFields } from '../../message/header.ts';

/** So many fields of one name are looked at. */
const fieldsMax = 50;

/** How fields are read. */
export interface TextReader {
  readonly decode: WordDecoder;
  /** Characters of one field, or of several of one name, that are looked at. */
  readonly maxLength: number;
}

/** The texts of one message. */
export class HeaderTexts {
  readonly #fields: HeaderFields;
  readonly #reader: TextReader;
  readonly #known = new Map<string, readonly string[]>();

  constructor(fields: HeaderFields, reader: TextReader) {
    this.#fields = fields;
    this.#reader = reader;
  }

  /** Whether there is such a field; `name` in lower case. */
  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** Every form that the fields of a name (in lower case) can be read in. */
  of(name: string): readonly string[] {
    const known = this.#known.get(name);
    if (known) return known;
    const texts = new Set<string>();
    let left = this.#reader.maxLength;
    for (const value of (this.#fields.get(name) ?? []).slice(0, fieldsMax)) {
      if (left <= 0) break;
      const raw = tidy(readEightBit(value.slice(0, left)));
      left -= value.length;
      texts.add(raw).add(tidy(this.#reader.decode(raw)).slice(0, this.#reader.maxLength));
    }
    const list = [...texts];
    this.#known.set(name, list);
    return list;
  }
}

/** Two texts are equal whatever the case of their letters and however their accents are written. */
export function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

function tidy(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
