/** What narrows the account list. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { HostStatus } from '../../operations/answers/overview.ts';
import { columns } from './account-columns.ts';
import { useCell } from './cell.ts';
import { visible } from './foreign-text.ts';
import { live } from './live.ts';
import { everyAccount, type ListQuery } from './route.ts';
import { states } from './states.tsx';
import { useAnswer } from './use-answer.ts';

const typingMs = 200;

interface FilterParts {
  readonly query: ListQuery;
  readonly onChange: (query: ListQuery) => void;
}

/** The filters. */
export function AccountFilters({ query, onChange }: FilterParts) {
  const groups = useCell(live.overview)?.groups ?? [];
  const hosts = useAnswer<{ hosts: readonly HostStatus[] }>('api/hosts').value?.hosts.map(({ host }) => host) ?? [];
  const set = (change: Partial<ListQuery>) => onChange({ ...query, ...change });
  return (
    <search class="filters">
      <SearchBox search={query.search} onChange={(search) => set({ search })} />
      <Select name="State" value={query.state} options={states} onChange={(state) => set({ state })} />
      <Select name="Group" value={query.group} options={groups} onChange={(group) => set({ group })} />
      <Select name="Host" value={query.host} options={hosts} onChange={(host) => set({ host })} />
      <label class="check">
        <input
          type="checkbox"
          checked={query.needsPerson}
          onChange={(event) => set({ needsPerson: event.currentTarget.checked })}
        />
        Needs a person
      </label>
      <SortChoice query={query} onChange={onChange} />
    </search>
  );
}

/** On a phone there are no column heads to sort by. */
function SortChoice({ query: { sort, order, ...rest }, onChange }: FilterParts) {
  const choices = columns.map((column) => ({
    ...column,
    order: column.isFigure ? ('desc' as const) : ('asc' as const),
  }));
  const chosen = (name: string) => {
    const column = choices.find((one) => one.sort === name) ?? choices[0]!;
    onChange({ ...rest, sort: column.sort, order: column.order });
  };
  return (
    <label class="field narrow-only">
      <span class="unseen">Sort by</span>
      <select value={sort} onChange={(event) => chosen(event.currentTarget.value)}>
        {choices.map((column) => (
          <option key={column.sort} value={column.sort}>
            Sort by {column.name.toLowerCase()}
            {column.sort === sort && order !== column.order ? ', reversed' : ''}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Tells what was typed once the fingers rest. */
function SearchBox({ search, onChange }: { search: string; onChange: (search: string) => void }) {
  const [text, setText] = useState(search);
  const told = useRef(search);
  const tell = useRef(onChange);
  tell.current = onChange;
  useEffect(() => {
    if (search !== told.current) setText(search);
    told.current = search;
  }, [search]);
  useEffect(() => {
    const words = text.trim();
    if (words === told.current) return;
    const timer = setTimeout(() => {
      told.current = words;
      tell.current(words);
    }, typingMs);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <label class="field search">
      <span class="unseen">Search accounts</span>
      <input
        type="search"
        placeholder="Search id, group, host, note"
        maxLength={200}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </label>
  );
}

interface SelectParts {
  readonly name: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
}

function Select({ name, value, options, onChange }: SelectParts) {
  const all = value === '' || options.includes(value) ? options : [value, ...options];
  return (
    <label class="field">
      <span class="unseen">{name}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{everyAccount.state === value ? `${name}: any` : 'any'}</option>
        {all.map((option) => (
          <option key={option} value={option}>
            {visible(option, 80)}
          </option>
        ))}
      </select>
    </label>
  );
}
