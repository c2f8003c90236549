/** What was done and what went wrong, told at the edge of the page and to screen readers. */
import type { Fault } from './api.ts';
import { Cell, useCell } from './cell.ts';
import { visible } from './foreign-text.ts';

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly remedy: string;
  readonly bad: boolean;
}

/** More push the oldest away. */
const most = 4;
const shownMs = 8000;
const notices = new Cell<readonly Notice[]>([]);
let last = 0;

/** Tells that something was done; it goes away by itself. */
export function tellDone(text: string): void {
  const id = add({ text, remedy: '', bad: false });
  setTimeout(() => dismiss(id), shownMs);
}

/** Tells what went wrong and what to do; it stays until somebody has read it. */
export function tellFault({ message, remedy }: Fault): void {
  add({ text: message, remedy, bad: true });
}

function add(notice: Omit<Notice, 'id'>): number {
  last += 1;
  const others = notices.value.filter(({ text }) => text !== notice.text);
  notices.value = [...others, { ...notice, id: last }].slice(-most);
  return last;
}

function dismiss(gone: number): void {
  notices.value = notices.value.filter(({ id }) => id !== gone);
}

/** The notices. */
export function Notices() {
  const all = useCell(notices);
  const list = (bad: boolean) =>
    all.filter((notice) => notice.bad === bad).map((notice) => <NoticeBox key={notice.id} notice={notice} />);
  return (
    <div class="notices">
      <div role="status">{list(false)}</div>
      <div role="alert">{list(true)}</div>
    </div>
  );
}

function NoticeBox({ notice: { id, text, remedy, bad } }: { notice: Notice }) {
  return (
    <div class={bad ? 'notice notice-bad' : 'notice'}>
      <p>
        {visible(text)}
        {remedy !== '' && <span class="remedy">{visible(remedy)}</span>}
      </p>
      <button type="button" class="quiet" onClick={() => dismiss(id)}>
        Dismiss
      </button>
    </div>
  );
}

/** In the place of what could not be had. */
export function FaultBox({ fault, retry }: { fault: Fault; retry?: () => void }) {
  return (
    <div class="notice notice-bad" role="alert">
      <p>
        {visible(fault.message)}
        {fault.remedy !== '' && <span class="remedy">{visible(fault.remedy)}</span>}
      </p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
