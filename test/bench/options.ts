/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import { type ScenarioName, scenarios } from './scenarios.ts';

/** What the benchmark is asked to do. */
export interface BenchOptions {
  readonly extent: 'full' | 'quick';
  /** Empty where only something else is measured. */
  readonly scenarios: readonly ScenarioName[];
  /** Measures the service with 1,000 and 10,000 accounts; quick: with 100 and 1,000. */
  readonly scale: boolean;
  /** Measures the dashboard with 10,000 accounts; quick: with 500. */
  readonly dashboard: boolean;
  /** Measures how the program grows with maildrops, mailboxes and lists of accounts. */
  readonly growth: boolean;
  /** Where the picture of that goes; undefined: none is made. */
  readonly growthSvg: string | undefined;
  /** Measures re-runs of one mailbox; always where nothing in particular is asked for. */
  readonly again: boolean;
  /** Measures a large mailbox among many small ones. */
  readonly fairness: boolean;
  /** Measures the start of commands; always where nothing in particular is asked for. */
  readonly start: boolean;
  /** Where the flame graph of the profiled scenario goes; undefined: none is made. */
  readonly flame: string | undefined;
  /** Interleaved pairs of each scenario. */
  readonly pairs: number;
  /** Where the raw figures go; undefined: a file of its own in the directory of temporary files. */
  readonly json: string | undefined;
  /** Where the picture of the speed goes; undefined: none is made. */
  readonly svg: string | undefined;
  /** Raw figures of an earlier time, which are shown instead of measuring. */
  readonly from: string | undefined;
  /** The program of that name, to be measured besides; it is in no package. */
  readonly pop2imap: string | undefined;
  /** Where made mail is kept from one call to the next; undefined: it is removed at the end. */
  readonly keep: string | undefined;
}

/** What `--help` prints. */
export const usage = `npm run bench -- [--quick] [--scale] [--dashboard] [--growth] [--again] [--fairness] [--scenario NAME]… [--pairs N] [--json FILE] [--svg FILE] [--from FILE] [--keep DIR] [--pop2imap PATH]
  --quick          few messages, one pair: every row and every scenario, for correctness; its figures mean nothing
  --scale          the service with 1,000 and 10,000 accounts (quick: 100 and 1,000), and no scenario unless one is named
  --dashboard      what the dashboard costs with 10,000 accounts (quick: 500), and no scenario unless one is named
  --growth         maildrops of up to 200,000 messages, mailboxes of 500,000, lists of 10,000 accounts (quick: 200, 500, 50), likewise
  --growth-svg FILE  a picture of that, and with --scale of the service too
  --again          re-runs of a mailbox of 100,000 messages (quick: 300), and no scenario unless one is named
  --fairness       a mailbox of 50,000 messages among 200 of 100 (quick: 300 among 10 of 20), and no scenario unless one is named
  --start          the start of commands (quick: two of each), and no scenario unless one is named
  --flame FILE     a flame graph of big-maildir, and no other scenario unless one is named
  --scenario NAME  only this one; may be given again: ${Object.keys(scenarios).join(', ')}
  --pairs N        interleaved pairs (5)
  --json FILE      where the raw figures go (a new file among the temporary files)
  --svg FILE       a picture of how long Mailhaul and the others take
  --from FILE      measures nothing: shows the raw figures of an earlier time, and draws their pictures
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
      growth: { type: 'boolean', default: false },
      'growth-svg': { type: 'string' },
      again: { type: 'boolean', default: false },
      fairness: { type: 'boolean', default: false },
      start: { type: 'boolean', default: false },
      flame: { type: 'string' },
      scenario: { type: 'string', multiple: true },
      pairs: { type: 'string' },
      json: { type: 'string' },
      keep: { type: 'string' },
      pop2imap: { type: 'string' },
      svg: { type: 'string' },
      from: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const growth = values.growth || values['growth-svg'] !== undefined;
  const inParticular = values.scale || values.dashboard || values.again || values.fairness || values.start || growth;
  const names = values.scenario ?? (values.flame ? ['big-maildir'] : inParticular ? [] : Object.keys(scenarios));
  const everything = !inParticular && values.scenario === undefined && values.flame === undefined;
  const wrong = names.find((name) => !Object.hasOwn(scenarios, name));
  if (wrong !== undefined) throw new TypeError(`no scenario ${wrong}: ${Object.keys(scenarios).join(', ')}`);
  const pairs = Number(values.pairs ?? (values.quick ? 1 : defaultPairs));
  if (!Number.isInteger(pairs) || pairs < 1) throw new TypeError('--pairs must be a whole number above 0');
  return {
    extent: values.quick ? 'quick' : 'full',
    scenarios: names as ScenarioName[],
    scale: values.scale,
    dashboard: values.dashboard,
    growth,
    growthSvg: values['growth-svg'],
    again: values.again || everything,
    start: values.start || everything,
    flame: values.flame,
    fairness: values.fairness,
    pairs,
    json: values.json,
    keep: values.keep,
    pop2imap: values.pop2imap,
    svg: values.svg,
    from: values.from,
  };
}
