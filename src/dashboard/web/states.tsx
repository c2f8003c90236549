/** The states of accounts: their order, what they mean, and how they are shown. Colour never tells one alone. */
import type { TableRow } from '../../operations/answers/table.ts';
import { Icon } from './icons.tsx';

/** The state of an account. */
export type State = TableRow['state'];

/** All states, in the order in which an account goes through them. */
export const states: readonly State[] = ['running', 'waiting', 'queued', 'paused', 'incomplete', 'failed', 'complete'];

/** What a state means, in a few words. */
export const meanings: Readonly<Record<State, string>> = {
  running: 'mail is moving',
  waiting: 'goes on by itself at its time',
  queued: 'its turn comes',
  paused: 'held until somebody resumes it',
  incomplete: 'ended; some messages did not arrive',
  failed: 'ended with an error',
  complete: 'everything arrived',
};

/** A state with its drawing. */
export function StateBadge({ state }: { state: State }) {
  return (
    <span class={`state state-${state}`} title={meanings[state]}>
      <Icon name={state} />
      <span>{state}</span>
    </span>
  );
}
