import { describe, expect, it, vi } from 'vitest';
import { RowFeed } from '../../../src/dashboard/web/row-feed.ts';
import { rowByKey, scrollToSee, seenRows } from '../../../src/dashboard/web/window.ts';
import type { Table, TableRow } from '../../../src/operations/answers/table.ts';

const row = (index: number, pending = 0) => ({ id: `a${index}`, pending }) as TableRow;

/** A feed of a list with so many rows, what it was asked for, and a way to answer the next question. */
function rig(total: number) {
  const questions: { offset: number; signal: AbortSignal; answer: (table: Table) => void; fail: () => void }[] = [];
  const feed = new RowFeed({
    ask: (offset, _limit, signal) =>
      new Promise((answer, refuse) =>
        questions.push({ offset, signal, answer, fail: () => refuse(new Error('away')) }),
      ),
    restMs: 0,
    onChange: () => {},
    placeOf: ({ pending }) => `${pending}`,
  });
  const answer = async (change: (index: number) => TableRow = row) => {
    const { offset, answer: give } = questions.shift()!;
    const rows = Array.from({ length: Math.min(100, total - offset) }, (_, at) => change(offset + at));
    give({ total, offset, rows });
    await new Promise(setImmediate);
  };
  return { feed, questions, answer };
}

describe('the rows that are looked at', () => {
  it('are fetched page by page, two at a time, and those that nobody looks at any more are not waited for', async () => {
    const { feed, questions, answer } = rig(10_000);
    feed.show(0, 320);
    expect(questions.map(({ offset }) => offset)).toEqual([0, 100]);
    feed.show(5000, 5040);
    expect(questions.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    await answer();
    await answer();
    expect(questions.map(({ offset }) => offset)).toEqual([5000]);
    await answer();
    expect([feed.total, feed.row(5039)?.id, feed.row(0), questions.length]).toEqual([10_000, 'a5039', undefined, 0]);
  });

  it('are asked for once', async () => {
    const { feed, questions, answer } = rig(50);
    feed.show(0, 40);
    await answer();
    feed.show(0, 50);
    expect(questions).toEqual([]);
  });

  it('are few, however many were looked at', async () => {
    const { feed, answer } = rig(10_000);
    for (let at = 0; at < 10_000; at += 100) {
      feed.show(at, at + 40);
      await answer();
    }
    const kept = Array.from({ length: 100 }, (_, page) => feed.row(page * 100)).filter(Boolean);
    expect([kept.length, feed.row(9900)?.id]).toEqual([20, 'a9900']);
  });

  it('can be asked for again after a fault', async () => {
    const { feed, questions, answer } = rig(10);
    feed.show(0, 10);
    questions.shift()!.fail();
    await vi.waitFor(() => expect(feed.fault).toBeInstanceOf(Error));
    feed.show(0, 10);
    await answer();
    expect([feed.fault, feed.row(9)?.id]).toEqual([undefined, 'a9']);
  });
});

describe('what changes', () => {
  it('takes its place, and no row moves', async () => {
    const { feed, answer } = rig(10);
    feed.show(0, 10);
    await answer();
    feed.merge({ rows: [{ ...row(3), note: 'other' } as TableRow, row(77)], more: false });
    expect([feed.row(3)?.note, feed.row(4)?.id, feed.total, feed.outdated]).toEqual(['other', 'a4', 10, false]);
    feed.merge({ rows: [row(3, 9)], more: false });
    expect([feed.row(3)?.pending, feed.outdated]).toEqual([9, true]);
  });

  it('is asked for where the event does not hold all of it, and then too no row moves', async () => {
    const { feed, questions, answer } = rig(10);
    feed.show(0, 10);
    await answer();
    feed.merge({ rows: [], more: true });
    expect(questions).toHaveLength(1);
    await answer((index) => row(9 - index, index));
    expect([feed.row(0)?.id, feed.row(0)?.pending, feed.row(9)?.pending]).toEqual(['a0', 9, 0]);
  });

  it('is not lost to an answer that is older and comes later', async () => {
    const { feed, questions, answer } = rig(10);
    feed.show(0, 10);
    feed.merge({ rows: [], more: true });
    await answer();
    expect(questions).toHaveLength(1);
    feed.merge({ rows: [row(3, 9)], more: false });
    await answer();
    expect(feed.row(3)?.pending).toBe(0);
    await answer((index) => row(index, index === 3 ? 9 : 0));
    expect([feed.row(3)?.pending, questions.length]).toEqual([9, 0]);
  });

  it('is of no interest once the feed is closed', async () => {
    const { feed, questions, answer } = rig(1000);
    feed.show(0, 300);
    feed.close();
    expect(questions.every(({ signal }) => signal.aborted)).toBe(true);
    await answer();
    await answer();
    expect([questions.length, feed.row(0)]).toEqual([0, undefined]);
  });
});

describe('the window', () => {
  it('has the rows that are seen and some more', () => {
    expect(seenRows(0, 360, 36, 10_000, 6)).toEqual({ first: 0, end: 16 });
    expect(seenRows(36_000, 360, 36, 10_000, 6)).toEqual({ first: 994, end: 1016 });
    expect(seenRows(999_999, 360, 36, 10_000, 6)).toEqual({ first: 9984, end: 10_000 });
    expect(seenRows(500, 360, 36, 3, 6)).toEqual({ first: 0, end: 3 });
    expect(seenRows(-20, 360, 36, 0, 6)).toEqual({ first: 0, end: 0 });
  });

  it('moves no further than it must', () => {
    expect(scrollToSee(5, 0, 360, 36)).toBe(0);
    expect(scrollToSee(10, 0, 360, 36)).toBe(36);
    expect(scrollToSee(2, 500, 360, 36)).toBe(72);
  });

  it('follows the keys', () => {
    const keys = ['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End', 'a'];
    expect(keys.map((key) => rowByKey(key, 50, 100, 20))).toEqual([51, 49, 70, 30, 0, 99, undefined]);
    expect([rowByKey('ArrowDown', 99, 100, 20), rowByKey('End', 0, 0, 20)]).toEqual([99, undefined]);
  });
});
