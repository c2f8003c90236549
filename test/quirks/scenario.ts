/** What a scenario is: a test that shows what Mailhaul does about a quirk. */

/** One scenario. */
export interface Scenario {
  /** The file of the test, from the root of the checkout. */
  readonly file: string;
  /** The titles of its describes and its own, as they stand in the file: of `each` the template. */
  readonly titles: readonly string[];
  /** A piece of the file without which the test would show something else: a row of `each`, mostly. */
  readonly row?: string;
}

/** The test with these titles in a file, which is named without `test/` and `.test.ts`. */
export function at(file: string, ...titles: string[]): Scenario {
  return { file: `test/${file}.test.ts`, titles };
}

/** The same test, with one of its rows. */
export function row(scenario: Scenario, piece: string): Scenario {
  return { ...scenario, row: piece };
}
