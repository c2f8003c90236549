/** How deep `verify` looks, from what a person asks for. */
import { randomInt } from 'node:crypto';
import { MailhaulError } from '../ground/errors.ts';
import type { Depth, Sample, SampleSize } from '../verify/sample.ts';

/** Seeds that are made up are below it: unpredictable, and short enough to be typed again. */
const seedBelow = 2 ** 48 - 1;

/**
 * `deep` is what stands behind `--deep`: true for nothing, undefined where the option is not given. A sample without a
 * seed gets one that nobody can guess. Throws `usage`.
 */
export function depthOf(deep: string | true | undefined, seed: string | undefined): Depth {
  const size = typeof deep === 'string' ? sampleSize(deep) : undefined;
  if (size) return { size, seed: seed === undefined ? randomInt(seedBelow) : seedOf(seed) };
  if (seed !== undefined) throw usage(`--seed ${seed}: it chooses a sample, so say how large: --deep 500 or --deep 5%`);
  return deep ? 'all' : 'doubts';
}

/** The size of a sample as `--deep` takes it, or undefined where the text is none. */
export function readSampleSize(text: string): SampleSize | undefined {
  if (/^\d+$/.test(text)) {
    const messages = Number(text);
    return messages > 0 && Number.isSafeInteger(messages) ? { messages } : undefined;
  }
  if (!/^\d+(?:\.\d+)?%$/.test(text)) return undefined;
  const percent = Number(text.slice(0, -1));
  return percent > 0 && percent <= 100 ? { percent } : undefined;
}

/** The same as a person writes it. */
export function sampleSizeText({ size }: Sample): string {
  return 'messages' in size ? String(size.messages) : `${size.percent}%`;
}

function sampleSize(text: string): SampleSize {
  const size = readSampleSize(text);
  if (size) return size;
  throw usage(
    `--deep ${text}: give how many messages of each account are compared (--deep 500), or which share of them (--deep 5%); --deep alone compares all`,
  );
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(seed)) return seed;
  throw usage(`--seed ${text}: give the whole number that an earlier verification printed`);
}

function usage(reason: string): MailhaulError {
  return new MailhaulError('usage', { reason });
}
