/** Property tests over hostile input: the seed stands in each test's name, and MAILHAUL_FUZZ_SEED repeats a run. */
import fc from 'fast-check';
import { it } from 'vitest';

const seed = Number(process.env['MAILHAUL_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** A test that holds a property for `runs` made values. The property throws where it does not hold. */
export function fuzz<T>(
  name: string,
  values: fc.Arbitrary<T>,
  property: (value: T) => void | Promise<void>,
  runs = 1000,
): void {
  it(`${name} (seed ${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(values, async (value) => property(value)),
      { seed, numRuns: runs },
    );
  });
}

/** Any bytes, most of them of the kinds that mail is made of: words, line ends, separators, 8-bit, NUL. */
export const mailBytes: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '\r\n\r\n',
        ':',
        ' ',
        '\t',
        ';',
        '"',
        '(',
        ')',
        '<',
        '>',
        '@',
        '=?',
        '?=',
        '\0',
      ),
      fc.constantFrom('Received', 'Date', 'From', 'Subject', 'List-Id', 'Status', 'Mon, ', '2004', '+0100', 'x'),
      fc.string({ unit: 'binary', maxLength: 20 }),
    ),
    { maxLength: 200 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));
