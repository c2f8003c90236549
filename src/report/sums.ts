/** Sums that must agree (design §2, promise 5): each is worked out in two ways before anything is printed. Pure. */
import type { ByteCounts, MessageCounts, Report } from './report.ts';
import type { Standing } from './standing.ts';

const outcomes = ['known', 'appended', 'duplicate', 'refused', 'failed', 'vanished', 'pending'] as const;

/** What is wrong with the counts of one account, in words; nothing where they agree. */
export function accountFaults(standing: Omit<Standing, 'account' | 'totals'>): string[] {
  const { report, run, refused, accepted, reopened } = standing;
  const { messages } = report;
  const faults = countFaults(messages, report.bytes);
  if (!run || run.finishedAt === 0) return faults;
  // While a run goes on its counts and the registry are read at two moments.
  if (run.download === 'done' && run.listed > 0 && run.listed !== messages.listed) {
    faults.push(`the source listed ${run.listed}, and ${messages.listed} are accounted for`);
  }
  // What somebody decided on while the run went on is counted in it as it was listed (ledger/refusals.ts).
  if (refused + accepted + reopened < messages.refused) {
    faults.push(`${messages.refused} are counted as refused, and the ledger names ${refused}`);
  }
  const placed = Object.values(report.mailboxes).reduce((sum, count) => sum + count, 0);
  if (placed !== messages.appended) {
    faults.push(`${messages.appended} are counted as appended, and ${placed} went to mailboxes`);
  }
  return faults;
}

/** What is wrong with the totals: they are held against the accounts and against the groups. */
export function totalFaults(
  report: Pick<Report, 'accounts' | 'totals'>,
  groups: readonly { readonly accounts: number; readonly messages: MessageCounts; readonly bytes: ByteCounts }[],
): string[] {
  const { totals, accounts } = report;
  const faults = countFaults(totals.messages, totals.bytes);
  const compare = (what: string, total: number, parts: readonly number[], of: string) => {
    const sum = parts.reduce((all, part) => all + part, 0);
    if (sum !== total) faults.push(`${what}: the total says ${total}, and the ${of} come to ${sum}`);
  };
  compare('accounts', totals.accounts, [accounts.length], 'accounts');
  compare(
    'accounts',
    totals.accounts,
    groups.map((group) => group.accounts),
    'groups',
  );
  for (const [of, parts] of [
    ['accounts', accounts],
    ['groups', groups],
  ] as const) {
    for (const name of ['listed', ...outcomes] as const) {
      compare(
        name,
        totals.messages[name],
        parts.map(({ messages }) => messages[name]),
        of,
      );
    }
    for (const name of ['listed', 'downloaded', 'appended'] as const) {
      compare(
        `bytes ${name}`,
        totals.bytes[name],
        parts.map(({ bytes }) => bytes[name]),
        of,
      );
    }
  }
  return faults;
}

function countFaults(messages: MessageCounts, bytes: ByteCounts): string[] {
  const faults: string[] = [];
  const sum = outcomes.reduce((all, name) => all + messages[name], 0);
  if (sum !== messages.listed) faults.push(`${messages.listed} are listed, and ${sum} are accounted for`);
  for (const [name, count] of [...Object.entries(messages), ...Object.entries(bytes)]) {
    if (!Number.isSafeInteger(count) || count < 0) faults.push(`${name} is ${count}, which is no count`);
  }
  return faults;
}
