/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import { type ScenarioName, scenarios } from './scenarios.ts';

/** What the benchmark is asked to do. */
export interface BenchOptions {
  readonly extent: 'full' | 'quick';
  /** Empty where only `scale` or `dashboard` is measured. */
  readonly scenarios: readonly ScenarioName[];
  /** Measures the service with 1,000 and 10,000 accounts; quick: with 100 and 1,000. */
  readonly scale: boolean;
  /** Measures the dashboard with 10,000 accounts; quick: with 500. */
  readonly dashboard: boolean;
  /** Interleaved pairs of each scenario. */
  readonly pairs: number;
  /** Where the raw figures go; undefined: a file of its own in the directory of temporary files. */
  readonly json: string | undefined;
  /** The program of that name, to be measured besides; it is in no package. */
  readonly pop2imap: string | undefined;
  /** Where made mail is kept from one call to the next; undefined: it is removed at the end. */
  readonly keep: string | undefined;
}

/** What `--help` prints. */
export const usage = `npm run bench -- [--quick] [--scale] [--dashboard] [--scenario NAME]… [--pairs N] [--json FILE] [--keep DIR] [--pop2imap PATH]
  --quick          few messages, one pair: every row and every scenario, for correctness; its figures mean nothing
  --scale          the service with 1,000 and 10,000 accounts (quick: 100 and 1,000), and no scenario unless one is named
  --dashboard      what the dashboard costs with 10,000 accounts (quick: 500), and no scenario unless one is named
  --scenario NAME  only this one; may be given again: ${Object.keys(scenarios).join(', ')}
  --pairs N        interleaved pairs (5)
  --json FILE      where the raw figures go (a new file among the temporary files)
  --pop2imap PATH  measures this program as well
  --keep DIR       keeps the made mail there for the next time (it is made anew)`;

const defaultPairs = 5;

/** Reads the arguments. Throws TypeError with a text for a person. */
export function parseOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      scale: { type: 'boolean', default: false },
      dashboard: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true },
      pairs: { type: 'string' },
      json: { type: 'string' },
      keep: { type: 'string' },
      pop2imap: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const names = values.scenario ?? (values.scale || values.dashboard ? [] : Object.keys(scenarios));
  const wrong = names.find((name) => !Object.hasOwn(scenarios, name));
  if (wrong !== undefined) throw new TypeError(`no scenario ${wrong}: ${Object.keys(scenarios).join(', ')}`);
  const pairs = Number(values.pairs ?? (values.quick ? 1 : defaultPairs));
  if (!Number.isInteger(pairs) || pairs < 1) throw new TypeError('--pairs must be a whole number above 0');
  return {
    extent: values.quick ? 'quick' : 'full',
    scenarios: names as ScenarioName[],
    scale: values.scale,
    dashboard: values.dashboard,
    pairs,
    json: values.json,
    keep: values.keep,
    pop2imap: values.pop2imap,
  };
}
