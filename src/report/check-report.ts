/** The report of `mailhaul check`: that of the other commands (design §4), and what a check adds. */
import type { Problem } from '../ledger/problems.ts';
import type { AccountReport, Report } from './report.ts';

/** The TLS of one side, once its certificate has verified. */
export interface TlsReport {
  /** `TLSv1.3`. */
  readonly protocol: string;
  /** The name in the certificate. */
  readonly name: string;
  readonly issuer: string;
  /** ISO 8601. */
  readonly endsAt: string;
  readonly daysLeft: number;
}

/** What every side has; null where it was not found out. */
interface SideReport {
  readonly host: string;
  readonly port: number;
  readonly security: string;
  readonly tls: TlsReport | null;
  /** In upper case, with their arguments: those before the login where it failed; null where it did not come so far. */
  readonly capabilities: readonly string[] | null;
}

/** The source; `uniqueIds` are `shared` where any message lacks one of its own. */
export interface SourceReport extends SideReport {
  readonly uniqueIds: 'good' | 'shared' | 'missing' | null;
}

/** The destination. */
export interface DestinationReport extends SideReport {
  /** Messages in the mailbox now; null where it does not exist yet or was not looked at. */
  readonly messages: number | null;
  /** Bytes that a message may have. */
  readonly appendLimitBytes: number | null;
  readonly quota: { readonly usedBytes: number; readonly limitBytes: number } | null;
}

/** How long it will take, by what is to come, by budgets and by `estimateBytesPerSecond` and its like. */
export interface EstimateReport {
  readonly seconds: number;
  /** Over how many days the daily limits stretch it; 0 where nothing is to come. */
  readonly days: number;
}

/** What is to come, and each side. */
export interface AccountCheck {
  /** null where the source could not be looked at. */
  readonly incoming: { readonly messages: number; readonly bytes: number } | null;
  readonly source: SourceReport;
  readonly destination: DestinationReport;
  readonly estimate: EstimateReport | null;
}

/** One account: `complete` where nothing is in the way, `incomplete` where some messages are, `failed` otherwise. */
export interface CheckedAccountReport extends AccountReport {
  readonly check: AccountCheck;
}

/** One problem that several accounts have, with the same remedy. */
export interface Cause extends Problem {
  /** Their ids, in the order of the list. */
  readonly accounts: readonly string[];
}

/** The report as its JSON document. */
export interface CheckReport extends Omit<Report, 'accounts'> {
  readonly accounts: readonly CheckedAccountReport[];
  /** What is wrong with the account list itself. */
  readonly problems: readonly Problem[];
  /** All problems of all accounts, those that stop most first. */
  readonly causes: readonly Cause[];
  /** Of the accounts whose source could be looked at. `because` names the limits that make it long. */
  readonly estimate: EstimateReport & { readonly because: readonly string[] };
  /** What no check can find out. */
  readonly notes: readonly string[];
}

/** What POP3 does not show, whatever the server. */
export const popBlindness: readonly string[] = [
  'POP3 shows the inbox alone. Mail in other folders of the old server is not seen, and not carried.',
  'What users sent with a mail program that fetches by POP3 lies on their computers, and so do their folders: copy them into the new mailbox with that program before it is set up anew.',
];
