import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseOptions } from './options.ts';
import { type AnyRow, type BenchResult, type RunResult, readResult } from './results.ts';
import type { ScenarioName } from './scenarios.ts';
import { speedSvg } from './speed-svg.ts';

interface Drawn {
  bars: { kind: string; width: number }[];
  texts: string[];
}

function resultOf(name: ScenarioName, runs: readonly [AnyRow, number, Partial<RunResult>?][]): BenchResult {
  const machine = { cpus: ['Fast & <new>', 'Fast & <new>'], memoryMB: 1, kernel: '', node: '' };
  const made = runs.map(([row, wallSeconds, more]): RunResult => {
    const cost = { wallSeconds, userSeconds: 1, systemSeconds: 1, peakRssMB: 1, redisPeakRssMB: 1, processes: [] };
    const messages = more?.messages ?? 5000;
    const mail = { messages, bytes: 1, source: messages, destination: messages };
    return { row, number: 1, status: 0, ...cost, ...mail, problems: [], ...more };
  });
  const scenario = { name, title: name, messages: 5000, bytes: 377e6, runs: made, loopFactor: 10, skipped: {} };
  return { version: 1, startedAt: '2026-01-02T03:04:05Z', extent: 'full', pairs: 1, machine, scenarios: [scenario] };
}

/** What a reader of XML finds in the picture. */
function drawn(result: BenchResult): Drawn {
  const svg = speedSvg(result)!;
  expect(XMLValidator.validate(svg)).toBe(true);
  const rects = [...svg.matchAll(/<rect class="(own|limit|peer)" x="\d+" y="\d+" width="([\d.]+)"/g)];
  const parsed = new XMLParser({ ignoreAttributes: true, processEntities: true }).parse(svg);
  const groups = [parsed.svg.text].flat() as string[];
  return { bars: rects.map(([, kind, wide]) => ({ kind: kind!, width: Number(wide) })), texts: groups.map(String) };
}

describe('the picture of speed', () => {
  it('has a bar as long as the time of each, the fastest first', () => {
    const { bars, texts } = drawn(
      resultOf('big-maildir', [
        ['pop2imap', 40],
        ['mailhaul', 4],
        ['ceiling', 2],
      ]),
    );
    expect(bars.map(({ kind }) => kind)).toEqual(['limit', 'own', 'peer']);
    const [limit, own, peer] = bars.map(({ width }) => width);
    expect(own! / limit!).toBeCloseTo(2, 1);
    expect(peer! / own!).toBeCloseTo(10, 1);
    expect(texts).toEqual(expect.arrayContaining(['Mailhaul', '4.0 s', '40.0 s']));
  });

  it('shows text as text', () => {
    const { texts } = drawn(resultOf('big-maildir', [['mailhaul', 4]]));
    expect(texts).toContain('2 × Fast & <new>, 2026-01-02');
    expect(texts).toContain('5,000 messages (377 MB) from POP3 to IMAP');
  });

  it('says what was scaled, and what was altered', () => {
    const altered = { messages: 500, compared: { exact: 120, missing: 380, extra: 380 } };
    const { texts } = drawn(
      resultOf('big-maildir-40ms', [
        ['mailhaul', 4],
        ['loop', 61.4, altered],
      ]),
    );
    expect(texts).toContain('a plain loop; alters 380 of 500; scaled from 500');
    expect(texts).toContain('10 min 14 s');
    const every = { compared: { exact: 0, missing: 5000, extra: 5000 } };
    expect(drawn(resultOf('big-maildir', [['fetchmail', 4, every]])).texts).toContain(
      'by dovecot-lda, no IMAP; alters every message',
    );
  });

  it('leaves out who did not bring all mail, and the other ways to run Mailhaul', () => {
    const result = resultOf('big-maildir', [
      ['mailhaul', 4],
      ['mailhaul-split', 5],
      ['mpop', 1, { destination: 4999 }],
    ]);
    expect(drawn(result).bars).toHaveLength(1);
  });

  it('is not there without a figure', () => {
    expect(speedSvg(resultOf('big-mdbox', [['mailhaul', 4]]))).toBeUndefined();
  });
});

describe('raw figures of an earlier time', () => {
  it('are read, and nothing else is', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mailhaul-figures-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, 'figures.json');
    const result = resultOf('big-maildir', [['mailhaul', 4]]);
    await writeFile(file, JSON.stringify(result));
    expect(await readResult(file)).toEqual(result);
    await writeFile(file, '{"version":2}');
    await expect(readResult(file)).rejects.toThrow('no figures of the benchmark');
    expect(parseOptions(['--from', file, '--svg', 'a.svg'])).toMatchObject({ from: file, svg: 'a.svg' });
  });
});
