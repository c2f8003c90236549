/** Answers of the API in components. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { asFault, ask, type Fault } from './api.ts';
import { useCell } from './cell.ts';
import { live } from './live.ts';

/** An answer, or why there is none. While it is asked again, the one before stays. */
export interface Answered<T> {
  readonly value: T | undefined;
  readonly fault: Fault | undefined;
  readonly reload: () => void;
}

/**
 * Asks for `path` now, when it or `mark` changes, when the stream comes back, and every `everyMs` while the page is
 * looked at.
 */
export function useAnswer<T>(path: string, everyMs?: number, mark = ''): Answered<T> {
  const [state, setState] = useState<{ path: string; value?: T; fault?: Fault }>({ path });
  const [asked, setAsked] = useState(0);
  const reopened = useCell(live.reopened);
  const reload = useCallback(() => setAsked((before) => before + 1), []);
  useEffect(() => {
    const control = new AbortController();
    ask<T>(path, control.signal).then(
      (value) => setState({ path, value }),
      (thrown: unknown) => {
        if (control.signal.aborted) return;
        setState((before) => ({ ...(before.path === path ? before : { path }), fault: asFault(thrown) }));
      },
    );
    return () => control.abort();
  }, [path, mark, asked, reopened]);
  useRepeat(reload, everyMs);
  const current = state.path === path;
  return { value: current ? state.value : undefined, fault: current ? state.fault : undefined, reload };
}

function useRepeat(work: () => void, everyMs: number | undefined): void {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => document.visibilityState === 'visible' && latest.current(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
