/** What the filter of the source said of a message: is it spam? */
import { firstField, type HeaderFields } from './header.ts';

/** Fields that say yes or no, each with what begins a yes, in lower case. */
const verdicts: readonly (readonly [field: string, yes: RegExp])[] = [
  // SpamAssassin, Mail::SpamAssassin::Conf: X-Spam-Flag is added to spam alone, X-Spam-Status begins with the verdict.
  ['x-spam-flag', /^yes\b/],
  ['x-spam-status', /^yes\b/],
  // Rspamd (milter_headers, routine x-spam-header) and older filters.
  ['x-spam', /^(?:yes|true|spam)\b/],
  // bogofilter(1), header_format: "Spam, tests=bogofilter, …".
  ['x-bogosity', /^(?:spam|yes)\b/],
  // DSPAM README, X-DSPAM-Result: Spam, Innocent, Whitelisted, Virus …
  ['x-dspam-result', /^(?:spam|blacklisted)\b/],
];

/**
 * Microsoft 365, "Anti-spam message headers": SFV says what was decided, where SPM is spam, SKB a blocked sender and SKS
 * spam by a rule of the mail flow.
 */
const spamFilterVerdict = /(?:^|;)\s*SFV:(?:SPM|SKB|SKS)\s*(?:;|$)/i;
/** "Spam confidence level (SCL)", the same source: 5 and more is spam, 9 with high confidence; -1 went past the filter. */
const spamConfidenceMin = 5;

/** True where one of the common filters called the message spam. */
export function isMarkedSpam(fields: HeaderFields): boolean {
  if (verdicts.some(([field, yes]) => yes.test(firstField(fields, field).toLowerCase()))) return true;
  const reports = ['x-forefront-antispam-report', 'x-microsoft-antispam'].map((name) => firstField(fields, name));
  if (reports.some((report) => spamFilterVerdict.test(report))) return true;
  const level = firstField(fields, 'x-ms-exchange-organization-scl') || sclOf(reports[0] ?? '');
  return /^\d+$/.test(level) && Number(level) >= spamConfidenceMin;
}

function sclOf(report: string): string {
  return /(?:^|;)\s*SCL:(-?\d{1,2})\s*(?:;|$)/i.exec(report)?.[1] ?? '';
}
