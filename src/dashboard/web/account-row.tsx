/** One account in the list. */

import { Component } from 'preact';
import type { TableRow } from '../../operations/answers/table.ts';
import { columns, figureText } from './account-columns.ts';
import { serviceNow } from './clock.ts';
import { visible } from './foreign-text.ts';
import { bytes, number, percent } from './format.ts';
import { Icon } from './icons.tsx';
import { accountHref } from './route.ts';
import { StateBadge } from './states.tsx';

/** What a row is drawn from. */
export interface RowParts {
  /** Its place in the list, from 0. */
  readonly index: number;
  /** Undefined while it is being fetched. */
  readonly row: TableRow | undefined;
  readonly isNarrow: boolean;
  readonly isActive: boolean;
  /** Undefined where nothing can be chosen. */
  readonly isChosen: boolean | undefined;
  readonly onChoose: (id: string) => void;
  readonly onOpen: (index: number, id: string) => void;
}

/** The id of a row's element. */
export function rowElementId(index: number): string {
  return `account-row-${index}`;
}

/** A row; drawn again only when something in it is another. */
export class AccountRow extends Component<RowParts> {
  override shouldComponentUpdate(next: RowParts): boolean {
    const { index, row, isNarrow, isActive, isChosen } = this.props;
    return (
      row !== next.row ||
      index !== next.index ||
      isNarrow !== next.isNarrow ||
      isActive !== next.isActive ||
      isChosen !== next.isChosen
    );
  }

  override render({ index, row, isNarrow, isActive, isChosen, onChoose, onOpen }: RowParts) {
    const open = (event: MouseEvent) => {
      const isControl = (event.target as Element).closest('a, input, label') !== null;
      if (row && !isControl && getSelection()?.isCollapsed !== false) onOpen(index, row.id);
    };
    // Of all rows Tab stops at the one that the keys have chosen.
    const tab = isActive ? 0 : -1;
    return (
      // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the grid's, which has the focus
      // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and says which row is meant
      // biome-ignore lint/a11y/useSemanticElements: a table cannot have a part of its rows
      <div
        role="row"
        id={rowElementId(index)}
        class={isActive ? 'row row-active' : 'row'}
        aria-rowindex={index + 2}
        aria-selected={isChosen}
        aria-busy={row === undefined}
        onClick={open}
      >
        {isChosen !== undefined && <ChooseCell row={row} isChosen={isChosen} onChoose={onChoose} tab={tab} />}
        {row ? isNarrow ? <Card row={row} tab={tab} /> : <Cells row={row} tab={tab} /> : <Cell>…</Cell>}
      </div>
    );
  }
}

function Cell({ children, look = '' }: { children?: preact.ComponentChildren; look?: string }) {
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    // biome-ignore lint/a11y/useSemanticElements: a table cannot have a part of its rows
    <div role="gridcell" class={`cell ${look}`}>
      {children}
    </div>
  );
}

interface ChooseParts {
  readonly row: TableRow | undefined;
  readonly isChosen: boolean;
  readonly tab: number;
  readonly onChoose: (id: string) => void;
}

function ChooseCell({ row, isChosen, tab, onChoose }: ChooseParts) {
  return (
    <Cell look="cell-choose">
      {row && (
        <label class="tick">
          <input
            type="checkbox"
            tabIndex={tab}
            checked={isChosen}
            aria-label={`Select ${visible(row.id)}`}
            onChange={() => onChoose(row.id)}
          />
        </label>
      )}
    </Cell>
  );
}

function IdLink({ id, tab }: { id: string; tab: number }) {
  return (
    <a href={accountHref(id)} tabIndex={tab} title={visible(id)}>
      {visible(id)}
    </a>
  );
}

function Cells({ row, tab }: { row: TableRow; tab: number }) {
  const now = serviceNow();
  return (
    <>
      <Cell look="cell-id">
        <IdLink id={row.id} tab={tab} />
      </Cell>
      <Cell>
        <StateBadge state={row.state} />
      </Cell>
      <Cell look="cell-group">{visible(row.group)}</Cell>
      <Cell look="cell-settled">
        <Meter row={row} />
      </Cell>
      {columns.slice(4).map(({ sort }) => (
        <Cell key={sort} look={`figure cell-${sort}`}>
          {figureText(row, sort, now)}
        </Cell>
      ))}
      <Cell look="cell-note">
        <Note row={row} />
      </Cell>
    </>
  );
}

/** On a phone: everything that matters, one below the other. */
function Card({ row, tab }: { row: TableRow; tab: number }) {
  const missing = row.refused + row.failed;
  return (
    <Cell look="cell-card">
      <span class="card-line">
        <IdLink id={row.id} tab={tab} />
        <StateBadge state={row.state} />
      </span>
      <span class="card-line">
        <Meter row={row} />
        <span class="muted figure">
          {row.startedAt === null ? visible(row.group) : number(row.listed)}
          {missing > 0 ? (
            <span class="bad"> · {number(missing)} missing</span>
          ) : (
            row.startedAt && ` · ${bytes(row.bytesListed)}`
          )}
        </span>
      </span>
      <Note row={row} />
    </Cell>
  );
}

function Meter({ row }: { row: TableRow }) {
  const ended = row.settled + row.refused + row.failed;
  if (row.startedAt === null) return <span class="muted">not begun</span>;
  // Of a mailbox that could not be listed nobody knows that it is empty.
  if (row.listed === 0) return <span class="muted">{row.state === 'complete' ? 'no messages' : 'nothing listed'}</span>;
  return (
    <span class="meter-box">
      <span class="meter" aria-hidden="true">
        <span style={{ width: `${(row.settled / row.listed) * 100}%` }} />
      </span>
      <span class="figure">{percent(Math.min(ended, row.settled), row.listed)}</span>
    </span>
  );
}

function Note({ row: { note, needsPerson, enabled } }: { row: TableRow }) {
  const text = [...(enabled ? [] : ['switched off']), ...(note === '' ? [] : [visible(note, 300)])].join(' · ');
  return (
    <span class={needsPerson ? 'note note-person' : 'note'} title={text}>
      {needsPerson && (
        <>
          <Icon name="person" />
          <span class="unseen">needs a person: </span>
        </>
      )}
      {text}
    </span>
  );
}
