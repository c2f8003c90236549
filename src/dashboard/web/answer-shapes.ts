/** Answers of the API that have no schema of their own. */
import type { TableRow } from '../../operations/answers/table.ts';

/** What came of steering. */
export interface Steered {
  readonly accounts: number;
  readonly text: string;
  readonly stillPaused: readonly string[];
  readonly stillPausedCount: number;
}

/** A line of the audit log. */
export interface AuditEntry {
  readonly at: string;
  readonly by: string;
  readonly action: string;
  readonly scope: string;
  readonly reason: string;
  readonly result: string;
}

/** One side of an account. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** Everything about one account. */
export interface AccountDetail {
  readonly id: string;
  readonly group: string;
  readonly state: TableRow['state'];
  readonly messages: Readonly<
    Record<'listed' | 'known' | 'appended' | 'duplicate' | 'refused' | 'failed' | 'vanished' | 'pending', number>
  >;
  readonly bytes: { readonly listed: number; readonly downloaded: number; readonly appended: number };
  readonly run: { readonly id: string; readonly startedAt: string; readonly finishedAt: string | null } | null;
  readonly underWay: boolean;
  readonly paused: { readonly scope: string; readonly by: string; readonly reason: string; readonly at: string } | null;
  readonly waiting: readonly { readonly side: string; readonly until: string; readonly because: string }[];
  readonly error: string;
  readonly source: Place;
  readonly destination: Place;
  readonly mailboxes: Readonly<Record<string, number>>;
  readonly problems: readonly {
    readonly code: string;
    readonly stops: string;
    readonly count: number;
    readonly text: string;
    readonly remedy: string;
  }[];
  readonly accepted: readonly {
    readonly acceptance: { readonly by: string; readonly reason: string; readonly at: number };
    readonly refusal: {
      readonly code: string;
      readonly text: string;
      readonly subject?: string | undefined;
      readonly size?: number | undefined;
      readonly date?: string | undefined;
    };
  }[];
}
