/** What was carried lately, asked for whole once and from then on only for what is new. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Throughput } from '../../operations/answers/overview.ts';
import { asFault, ask, type Fault } from './api.ts';
import { joined } from './chart-data.ts';
import { serviceNow } from './clock.ts';
import type { Answered } from './use-answer.ts';

const askEveryMs = 20_000;

interface Known {
  readonly rangeMs: number;
  readonly value: Throughput | undefined;
  readonly fault: Fault | undefined;
}

/** The last `rangeMs`, kept up to date while the page is looked at. */
export function useThroughput(rangeMs: number): Answered<Throughput> {
  const [known, setKnown] = useState<Known>({ rangeMs, value: undefined, fault: undefined });
  const latest = useRef(known);
  latest.current = known;
  const [asked, setAsked] = useState(0);
  const reload = useCallback(() => setAsked((before) => before + 1), []);
  useEffect(() => {
    const control = new AbortController();
    const look = async () => {
      const before = latest.current.rangeMs === rangeMs ? latest.current.value : undefined;
      const fromMs = serviceNow() - rangeMs;
      const since = before?.samples.at(-1)?.at ?? new Date(fromMs).toISOString();
      try {
        const fresh = await ask<Throughput>(`api/throughput?since=${since}`, control.signal);
        setKnown({ rangeMs, value: joined(before, fresh, fromMs), fault: undefined });
      } catch (thrown) {
        if (!control.signal.aborted) setKnown({ rangeMs, value: before, fault: asFault(thrown) });
      }
    };
    void look();
    const timer = setInterval(() => document.visibilityState === 'visible' && void look(), askEveryMs);
    return () => {
      control.abort();
      clearInterval(timer);
    };
  }, [rangeMs, asked]);
  const current = known.rangeMs === rangeMs;
  return { value: current ? known.value : undefined, fault: current ? known.fault : undefined, reload };
}
