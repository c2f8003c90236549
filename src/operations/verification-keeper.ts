/** Leaves a record of what a verification found, account by account, for the reports that come after it. */

import { programVersion } from '../ground/package-root.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import type { Problem } from '../ledger/problems.ts';
import { readRunStandings, totalsOf } from '../ledger/standing.ts';
import type { SampledAccount } from '../report/report.ts';
import { deliveredIn, type VerificationRecord } from '../report/verification.ts';
import type { Depth } from '../verify/sample.ts';
import { VerificationRecords } from './verification-records.ts';
import { sampleSizeText } from './verify-depth.ts';

/** What a keeper works with. */
interface KeeperOptions {
  readonly redis: RedisClient;
  readonly settings: Pick<LoadedSettings, 'dataDir'>;
  readonly depth: Depth;
}

/** A verification of one account that has begun. */
export interface BegunVerification {
  readonly account: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** What the ledger had as delivered then: what comes later is not verified. */
  readonly delivered: number;
}

/** What was found. */
export interface FoundVerification {
  readonly state: 'complete' | 'incomplete';
  readonly verdicts: Readonly<Record<string, number>>;
  readonly problems: readonly Problem[];
  readonly chosen: SampledAccount;
}

/** Keeps the records of one verification. Accounts that could not be looked at keep the record that they have. */
export class VerificationKeeper {
  readonly #options: KeeperOptions;
  readonly #records: VerificationRecords;
  readonly #by = programVersion();

  private constructor(options: KeeperOptions, records: VerificationRecords) {
    this.#options = options;
    this.#records = records;
  }

  /** Throws `verification-file` where no record can be kept. */
  static async open(options: KeeperOptions): Promise<VerificationKeeper> {
    const records = new VerificationRecords(options.settings.dataDir);
    await records.prepare();
    return new VerificationKeeper(options, records);
  }

  /** Call before anything of the account is looked at. */
  async begin(account: string): Promise<BegunVerification> {
    const startedAt = Date.now();
    const [found] = await readRunStandings(this.#options.redis, [account]);
    return { account, startedAt, delivered: deliveredIn(totalsOf(found!)) };
  }

  /** Puts the record in the place of an earlier one. Throws `verification-file`. */
  async keep({ account, startedAt, delivered }: BegunVerification, found: FoundVerification): Promise<void> {
    const { depth } = this.#options;
    const { state, verdicts, chosen } = found;
    const sample = typeof depth === 'object' && {
      sample: { size: sampleSizeText(depth), seed: depth.seed, ...chosen },
    };
    const words = { doubts: 'headers', all: 'content' } as const;
    const record: VerificationRecord = {
      startedAt: new Date(startedAt).toISOString(),
      finishedAt: new Date().toISOString(),
      by: this.#by,
      depth: typeof depth === 'object' ? 'sample' : words[depth],
      ...sample,
      state,
      verdicts,
      problems: found.problems.map(({ code, count }) => ({ code, count })),
      delivered,
    };
    await this.#records.keep(account, record);
  }
}
