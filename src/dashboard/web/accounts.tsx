/** The page of all accounts: looked through, sorted, and steered many at a time. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Table } from '../../operations/answers/table.ts';
import { placeOf } from './account-columns.ts';
import { AccountFilters } from './account-filters.tsx';
import { AccountTable } from './account-table.tsx';
import { asFault, ask } from './api.ts';
import { useCell } from './cell.ts';
import { type Choice, choiceText, chosenCount, meant, noChoice, toggled, wholeChoice } from './choice.ts';
import { type Deed, deedWords } from './deeds.ts';
import { NoAccounts } from './empty.tsx';
import { number, plural } from './format.ts';
import { live } from './live.ts';
import { FaultBox } from './notices.tsx';
import { isFiltered, type ListQuery, listHref, queryText } from './route.ts';
import { RowFeed } from './row-feed.ts';
import { useMaySteer } from './session.ts';
import { askToSteer } from './steering.tsx';

/** Where each list was left, for who comes back from an account; the last one only. */
let left = { query: '', place: { top: 0, active: 0 } };

/** The page. */
export function AccountsPage({ query }: { query: ListQuery }) {
  const steer = useMaySteer();
  const { feed, again } = useFeed(query);
  const [choice, setChoice] = useChoice(query);
  const place = usePlace(query);
  const change = (next: ListQuery) => location.replace(listHref(next));
  const total = feed.total ?? 0;
  const bar = { query, choice, total, onChoice: setChoice, onDone: () => feed.refresh() };
  const isEmpty = feed.total === 0;
  return (
    <>
      <div class="list-head">
        <h1>Accounts</h1>
        <Found feed={feed} query={query} onAgain={again} onClear={() => change({ ...query, ...cleared })} />
      </div>
      <AccountFilters query={query} onChange={change} />
      {feed.fault !== undefined && <FaultBox fault={asFault(feed.fault)} retry={again} />}
      {steer && chosenCount(choice, total) > 0 && <ChoiceBar {...bar} />}
      {isEmpty && !isFiltered(query) ? (
        <NoAccounts />
      ) : isEmpty ? (
        <p class="card empty">No account is like that. Clear a filter, or search for fewer words.</p>
      ) : (
        <AccountTable
          key={queryText(query)}
          feed={feed}
          total={total}
          query={query}
          place={place}
          choice={steer ? choice : undefined}
          onSort={(sorting) => change({ ...query, ...sorting })}
          onChoose={(id) => setChoice(toggled(choice, id))}
          onChooseAll={(all) => setChoice(all ? wholeChoice : noChoice)}
        />
      )}
    </>
  );
}

const cleared = { search: '', group: '', state: '', host: '', needsPerson: false };

interface FoundParts {
  readonly feed: RowFeed;
  readonly query: ListQuery;
  readonly onAgain: () => void;
  readonly onClear: () => void;
}

function Found({ feed, query, onAgain, onClear }: FoundParts) {
  const all = useCell(live.overview)?.total;
  const filtered = isFiltered(query);
  const isOld = feed.outdated || (!filtered && all !== undefined && feed.total !== undefined && all !== feed.total);
  return (
    <>
      <p class="muted" role="status">
        {foundText(feed.total, filtered ? all : undefined)}
      </p>
      {filtered && (
        <button type="button" class="quiet" onClick={onClear}>
          Clear filters
        </button>
      )}
      {isOld && (
        <button type="button" onClick={onAgain} title="Values have changed since the list was put in order">
          Update order
        </button>
      )}
    </>
  );
}

function foundText(found: number | undefined, all: number | undefined): string {
  if (found === undefined) return 'Loading …';
  return all === undefined ? plural(found, 'account') : `${number(found)} of ${number(all)} accounts`;
}

interface ChoiceParts {
  readonly query: ListQuery;
  readonly choice: Choice;
  readonly total: number;
  readonly onChoice: (choice: Choice) => void;
  readonly onDone: () => void;
}

const deeds: readonly Deed[] = ['pause', 'resume', 'run', 'retry'];

/** What can be done with those that are chosen. */
function ChoiceBar({ query, choice, total, onChoice, onDone }: ChoiceParts) {
  const what = choiceText(choice, query, total);
  const count = chosenCount(choice, total);
  const done = () => {
    onChoice(noChoice);
    onDone();
  };
  return (
    <section class="choice-bar" aria-label="Selected accounts">
      <strong>{number(count)} selected</strong>
      {count < total && (
        <button type="button" class="quiet" onClick={() => onChoice(wholeChoice)}>
          Select all {number(total)} found
        </button>
      )}
      <button type="button" class="quiet" onClick={() => onChoice(noChoice)}>
        Clear selection
      </button>
      <span class="choice-deeds">
        {deeds.map((deed) => (
          <button
            key={deed}
            type="button"
            onClick={() => askToSteer({ deed, selection: meant(choice, query), what, onDone: done })}
          >
            {deedWords[deed].name}
          </button>
        ))}
      </span>
    </section>
  );
}

/** The rows of a query, kept up to date; `again` asks for them anew, in their order of now. */
function useFeed(query: ListQuery): { feed: RowFeed; again: () => void } {
  const [, redraw] = useState({});
  const [turn, setTurn] = useState(0);
  const text = queryText(query);
  const reopened = useCell(live.reopened);
  const feed = useMemo(() => {
    const { sort, state, needsPerson } = query;
    return new RowFeed({
      ask: (offset, limit, signal) => ask<Table>(`api/table?${joined(text)}offset=${offset}&limit=${limit}`, signal),
      restMs: 60,
      onChange: () => redraw({}),
      placeOf: (row) => placeOf(row, sort, state !== '', needsPerson),
    });
  }, [text, turn]);
  useEffect(() => {
    const stop = live.onRows((event) => feed.merge(event));
    feed.show(0, 1);
    return () => {
      stop();
      feed.close();
    };
  }, [feed]);
  useEffect(() => feed.refresh(), [feed, reopened]);
  return { feed, again: () => setTurn(turn + 1) };
}

function joined(text: string): string {
  return text === '' ? '' : `${text}&`;
}

/** The choice, which ends with the filter that it was made in: nobody steers what he does not see. */
function useChoice(query: ListQuery): [Choice, (choice: Choice) => void] {
  const filter = queryText({ ...query, sort: 'id', order: 'asc' });
  const [made, setMade] = useState({ filter, choice: noChoice });
  const choice = made.filter === filter ? made.choice : noChoice;
  return [choice, (next) => setMade({ filter, choice: next })];
}

function usePlace(query: ListQuery) {
  const text = queryText(query);
  const place = useRef(left);
  if (place.current.query !== text || left.query !== text) {
    left = { query: text, place: { top: 0, active: 0 } };
    place.current = left;
  }
  return place.current.place;
}
