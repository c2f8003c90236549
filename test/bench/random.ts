/** Numbers that look random and are the same on every machine: Chris Doty-Humphrey's sfc32, seeded with one number. */

/** A repeatable source of numbers. */
export class Random {
  #a: number;
  #b: number;
  #c = 0x2f6e2b1;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = ~seed;
    for (let i = 0; i < 15; i += 1) this.word();
  }

  /** 32 bits, as a signed integer. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum;
  }

  /** At least 0 and less than 1. */
  fraction(): number {
    return (this.word() >>> 0) / 2 ** 32;
  }

  /** A whole number from `first` to `last`, both included. */
  between(first: number, last: number): number {
    return first + Math.floor(this.fraction() * (last - first + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.fraction() * items.length)]!;
  }

  /** Normally distributed (Box and Muller's way). */
  normal(mean: number, deviation: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.fraction()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.fraction());
  }

  /** Log-normally distributed; `sigma` is the deviation of the logarithm. */
  logNormal(median: number, sigma: number): number {
    return median * Math.exp(this.normal(0, sigma));
  }

  bytes(length: number): Buffer {
    const words = new Int32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i += 1) words[i] = this.word();
    return Buffer.from(words.buffer, 0, length);
  }
}
