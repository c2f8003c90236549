/** What is counted over all runs of an account. */

/** Counts that grow over all runs of an account, for whoever wants numbers that never fall. */
export const totalNames = ['appended', 'duplicate', 'refused', 'vanished', 'downloaded', 'bytesAppended'] as const;

/** The sums over runs of an account. */
export type RunTotals = Readonly<Record<(typeof totalNames)[number], number>>;
