/** The list of accounts: as many rows as are seen, of as many as there are. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type Column, columns } from './account-columns.ts';
import { AccountRow, rowElementId } from './account-row.tsx';
import { type Choice, isChosen } from './choice.ts';
import { Icon } from './icons.tsx';
import { accountHref, type ListQuery } from './route.ts';
import type { RowFeed } from './row-feed.ts';
import { type Range, rowByKey, scrollToSee, seenRows } from './window.ts';

const beyond = 6;
const narrow = '(max-width: 1000px)';

/** What the list is drawn from. */
export interface TableParts {
  readonly feed: RowFeed;
  readonly total: number;
  readonly query: ListQuery;
  readonly onSort: (query: Pick<ListQuery, 'sort' | 'order'>) => void;
  /** Undefined where nothing can be chosen. */
  readonly choice: Choice | undefined;
  readonly onChoose: (id: string) => void;
  readonly onChooseAll: (all: boolean) => void;
  /** Where the list was left, in rows from the top. */
  readonly place: { top: number; active: number };
}

/** The list; its container scrolls. */
export function AccountTable(parts: TableParts) {
  const { feed, total, choice, place } = parts;
  const box = useRef<HTMLDivElement>(null);
  const isNarrow = useMatches(narrow);
  const rowHeight = useRowHeight(box, isNarrow);
  const view = useView(box, place, rowHeight);
  const [active, setActive] = useState(place.active);
  const range = seenRows(view.top, view.height, rowHeight, total, beyond);
  useEffect(() => feed.show(range.first, range.end), [feed, range.first, range.end]);
  const activate = (index: number) => {
    setActive(index);
    place.active = index;
  };
  const open = (index: number, id: string) => {
    activate(index);
    location.hash = accountHref(id);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const list = box.current!;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    // Enter and the space bar are a link's and a box's own, where one of them has the focus.
    const isOwn = event.target === list;
    const id = feed.row(active)?.id;
    const next = rowByKey(event.key, active, total, Math.max(1, Math.floor(view.height / rowHeight) - 1));
    if (next !== undefined) {
      activate(next);
      if (!isOwn) list.focus({ preventScroll: true });
      list.scrollTop = scrollToSee(next, list.scrollTop, view.height, rowHeight);
    } else if (isOwn && event.key === 'Enter' && id !== undefined) open(active, id);
    else if (isOwn && event.key === ' ' && id !== undefined && choice) parts.onChoose(id);
    else return;
    event.preventDefault();
  };
  const isSeen = active >= range.first && active < range.end;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot have a part of its rows
    <div
      ref={box}
      role="grid"
      class={`grid ${choice ? 'grid-choose' : ''}`}
      aria-label="Accounts"
      aria-rowcount={total + 1}
      aria-multiselectable={choice !== undefined}
      aria-activedescendant={isSeen ? rowElementId(active) : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <Head {...parts} />
      <Rows parts={parts} range={range} rowHeight={rowHeight} isNarrow={isNarrow} active={active} onOpen={open} />
    </div>
  );
}

interface RowsParts {
  readonly parts: TableParts;
  readonly range: Range;
  readonly rowHeight: number;
  readonly isNarrow: boolean;
  readonly active: number;
  readonly onOpen: (index: number, id: string) => void;
}

/** The rows that are seen, at their place in a box as high as all of them. */
function Rows({ parts, range, rowHeight, isNarrow, active, onOpen }: RowsParts) {
  const { feed, total, choice, onChoose } = parts;
  // A row that comes into sight takes over the elements of one that left, which is cheaper than new ones.
  const places = Math.max(1, range.end - range.first);
  const indexes = Array.from({ length: range.end - range.first }, (_, at) => range.first + at);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot have a part of its rows
    <div role="rowgroup" class="rows" style={{ height: `${total * rowHeight}px` }}>
      <div role="none" style={{ transform: `translateY(${range.first * rowHeight}px)` }}>
        {indexes.map((index) => {
          const row = feed.row(index);
          return (
            <AccountRow
              key={index % places}
              index={index}
              row={row}
              isNarrow={isNarrow}
              isActive={index === active}
              isChosen={choice && (row ? isChosen(choice, row.id) : choice.whole)}
              onChoose={onChoose}
              onOpen={onOpen}
            />
          );
        })}
      </div>
    </div>
  );
}

function Head({ query, choice, total, onSort, onChooseAll }: TableParts) {
  const all = choice?.whole === true && choice.ids.size === 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot have a part of its rows
    <div role="rowgroup" class="grid-head">
      {/* biome-ignore lint/a11y/useSemanticElements: a table cannot have a part of its rows */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: what is in it can have the focus */}
      <div role="row" class="row" aria-rowindex={1}>
        {choice && (
          // biome-ignore lint/a11y/useSemanticElements: a table cannot have a part of its rows
          // biome-ignore lint/a11y/useFocusableInteractive: what is in it can have the focus
          <div role="columnheader" class="cell cell-choose">
            <label class="tick">
              <input
                type="checkbox"
                checked={all}
                disabled={total === 0}
                aria-label="Select all accounts found"
                onChange={() => onChooseAll(!all)}
              />
            </label>
          </div>
        )}
        {columns.map((column) => (
          <SortHead key={column.sort} column={column} query={query} onSort={onSort} />
        ))}
        {/* biome-ignore lint/a11y/useSemanticElements: a table cannot have a part of its rows */}
        {/* biome-ignore lint/a11y/useFocusableInteractive: nothing can be done with it */}
        <div role="columnheader" class="cell cell-note">
          Note
        </div>
      </div>
    </div>
  );
}

function SortHead({ column, query, onSort }: { column: Column } & Pick<TableParts, 'query' | 'onSort'>) {
  const { sort, name, isFigure } = column;
  const isSorted = query.sort === sort;
  const turned = query.order === 'asc' ? 'desc' : 'asc';
  const order = isSorted ? turned : isFigure ? 'desc' : 'asc';
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot have a part of its rows
    // biome-ignore lint/a11y/useFocusableInteractive: its button can have the focus
    <div
      role="columnheader"
      class={`cell cell-${sort} ${isFigure ? 'figure' : ''}`}
      aria-sort={isSorted ? (query.order === 'asc' ? 'ascending' : 'descending') : 'none'}
    >
      <button type="button" class="sort" onClick={() => onSort({ sort, order })}>
        {name}
        {isSorted && <Icon name={query.order === 'asc' ? 'up' : 'down'} />}
      </button>
    </div>
  );
}

function useMatches(media: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(media).matches);
  useEffect(() => {
    const list = matchMedia(media);
    const changed = () => setMatches(list.matches);
    list.addEventListener('change', changed);
    return () => list.removeEventListener('change', changed);
  }, [media]);
  return matches;
}

/** The style sheet says how high a row is. */
function useRowHeight(box: { current: HTMLElement | null }, isNarrow: boolean): number {
  const [height, setHeight] = useState(isNarrow ? 84 : 36);
  useLayoutEffect(() => {
    const said = getComputedStyle(box.current!).getPropertyValue('--row');
    setHeight(Number.parseFloat(said) || height);
  }, [isNarrow]);
  return height;
}

/** What of the list is seen: drawn once a frame, however often the browser tells. */
function useView(box: { current: HTMLElement | null }, place: TableParts['place'], rowHeight: number) {
  const [view, setView] = useState({ top: place.top * rowHeight, height: 600 });
  useLayoutEffect(() => {
    const list = box.current!;
    list.scrollTop = place.top * rowHeight;
    let frame = 0;
    const look = () => {
      frame = 0;
      const head = list.firstElementChild?.clientHeight ?? 0;
      const seen = { top: list.scrollTop, height: list.clientHeight - head };
      place.top = seen.top / rowHeight;
      setView((before) => (before.top === seen.top && before.height === seen.height ? before : seen));
    };
    const later = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    list.addEventListener('scroll', later, { passive: true });
    const observer = new ResizeObserver(later);
    observer.observe(list);
    return () => {
      cancelAnimationFrame(frame);
      list.removeEventListener('scroll', later);
      observer.disconnect();
    };
  }, [place, rowHeight]);
  return view;
}
