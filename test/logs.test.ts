import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { logCalls } from './log-events.ts';

const calls = logCalls();
/** Event and levels of each row of docs/logs.md. */
const listed = [...readFileSync('docs/logs.md', 'utf8').matchAll(/^\| `([^`]+)` \| ([a-z, ]+) \|/gm)].map(
  ([, event = '', levels = '']) => ({ event, levels: levels.split(', ').sort() }),
);

describe('the events of the log', () => {
  it('are fixed texts, so that they can be searched for: what differs stands beside them', () => {
    expect(calls.length).toBeGreaterThan(30);
    expect(calls.filter(({ event }) => event === undefined).map(({ place }) => place)).toEqual([]);
    const odd = calls.filter(({ event = '' }) => !/^[a-z0-9][a-z0-9 :,]{2,49}$/.test(event));
    expect(odd.map(({ event }) => event)).toEqual([]);
  });

  it('stand in docs/logs.md with their levels, each once, and no other does', () => {
    const said = new Map<string, Set<string>>();
    for (const { event = '', levels } of calls) {
      said.set(event, new Set([...(said.get(event) ?? []), ...levels]));
    }
    const wanted = [...said].map(([event, levels]) => ({ event, levels: [...levels].sort() }));
    const byEvent = (a: { event: string }, b: { event: string }) => (a.event < b.event ? -1 : 1);
    expect([...listed].sort(byEvent)).toEqual(wanted.sort(byEvent));
  });
});
