/** The whole service at a glance. */
import type { Overview } from '../../operations/answers/overview.ts';
import { useCell } from './cell.ts';
import { number, percent } from './format.ts';
import { live } from './live.ts';
import { useAnswer } from './use-answer.ts';

/** The first page. */
export function OverviewPage() {
  const { value, fault } = useAnswer<Overview>('api/overview');
  const overview = useCell(live.overview) ?? value;
  return (
    <>
      <h1>Overview</h1>
      {fault && !overview && <p>{fault.message}</p>}
      {overview && (
        <p>
          {number(overview.total)} accounts,{' '}
          {percent(overview.messages.listed - overview.messages.pending, overview.messages.listed)}
        </p>
      )}
    </>
  );
}
