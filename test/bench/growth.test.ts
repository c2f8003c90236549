/** `npm run bench -- --quick --growth`: that it measures what it says; its arithmetic and its picture. Never how fast that was. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLValidator } from 'fast-xml-parser';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ListPoint } from './growth-list.ts';
import { areaOf } from './growth-panels.ts';
import { growthSvg } from './growth-svg.ts';
import { growthRows } from './growth-table.ts';
import { parseOptions } from './options.ts';
import type { BenchResult } from './results.ts';

const limitMs = 240_000;

it(
  'copies into empty and full mailboxes and runs lists, each in two sizes',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mailhaul-growth-test-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const [json, svg] = [join(directory, 'growth.json'), join(directory, 'growth.svg')];
    const args = ['--import', 'tsx', 'test/bench/main.ts', '--quick', '--growth-svg', svg, '--json', json];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs - 20_000 });
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray());
    const status = await new Promise((done) => child.once('close', done));
    expect(`${status} ${(await stderr!).join('')}`).toMatch(/^0 (?!.*WRONG)/s);
    const { growth, scenarios }: BenchResult = JSON.parse(await readFile(json, 'utf8'));
    expect(scenarios).toEqual([]);
    const { maildrops, mailboxes, lists } = growth!;
    expect([maildrops, mailboxes].map((points) => points.map(({ messages }) => messages))).toEqual([
      [20, 200],
      [50, 500],
    ]);
    expect(lists.map(({ accounts }) => accounts)).toEqual([5, 50]);
    for (const { problems, ...figures } of [...maildrops, ...mailboxes, ...lists]) {
      expect(problems).toEqual([]);
      for (const figure of Object.values(figures)) expect(figure).toBeGreaterThan(0);
    }
    for (const { firstSeconds, seconds } of lists) expect(firstSeconds).toBeLessThan(seconds);
    // A record of an index has 20 bytes; the mailbox of 500 got 10 more.
    expect(mailboxes[1]!.indexBytes).toBeGreaterThan(510 * 20);
    expect((await stdout!).join('')).toMatch(/^\| time of the bare sockets \|.*\|$/m);
    expect(XMLValidator.validate(await readFile(svg, 'utf8'))).toBe(true);
  },
  limitMs,
);

const point: ListPoint = {
  accounts: 100,
  firstSeconds: 1,
  seconds: 2,
  cpuSeconds: 1,
  peakRssMB: 100,
  redisPeakRssMB: 10,
  problems: [],
};

describe('growth', () => {
  const verdict = (seconds: number, isFlat: boolean) =>
    growthRows({
      title: '',
      points: [point, { ...point, accounts: 1000, seconds: 3 }, { ...point, accounts: 10_000, seconds }],
      size: ({ accounts }) => accounts,
      unit: 'accounts',
      figures: [{ what: 'time', unit: 's', pick: (of) => of.seconds, isFlat }],
    })[0]!.verdict;

  it('is linear or better up to as many times as there is more in the last step, and a quarter for noise', () => {
    expect(verdict(37.5, false)).toBe('linear or better');
    expect(verdict(37.6, false)).toBe('WORSE THAN LINEAR');
  });

  it('of what is counted for each message is none but noise', () => {
    expect(verdict(3.75, true)).toBe('the same or less');
    expect(verdict(3.76, true)).toBe('GROWS');
  });
});

describe('the picture', () => {
  it('has a place for every value, between the powers of ten around it', () => {
    const line = { name: '', kind: 'own', points: [[200, 0.5] as const, [20_000, 50] as const] } as const;
    const area = areaOf({ lines: [line] }, { left: 0, right: 300, top: 0, bottom: 300 });
    expect([area.xTicks, area.yTicks]).toEqual([
      [100, 1000, 10_000, 100_000],
      [0.1, 1, 10, 100],
    ]);
    expect([area.x(1000), area.y(1)]).toEqual([100, 200]);
    expect(area.x(2000)).toBeCloseTo(130.1, 1);
  });

  it('leaves out what was not measured, and shows the service where it was', () => {
    const growth = { maildrops: [], mailboxes: [], lists: [point, { ...point, accounts: 1000, seconds: Number.NaN }] };
    const svg = growthSvg(growth, []);
    expect(XMLValidator.validate(svg)).toBe(true);
    expect(svg).not.toMatch(/NaN|Infinity|undefined|>service</);
    expect(svg).toContain('sync: 2 s at 100');
    const scale = [{ accounts: 1000, endedSeconds: 3, peakRssMB: 180 }] as NonNullable<BenchResult['scale']>;
    expect(growthSvg(growth, scale)).toContain('>service</text>');
  });
});

describe('--growth', () => {
  it('measures no scenario unless one is named, and comes with its picture', () => {
    expect(parseOptions(['--growth'])).toMatchObject({ growth: true, growthSvg: undefined, scenarios: [] });
    expect(parseOptions(['--growth-svg', 'x.svg'])).toMatchObject({ growth: true, growthSvg: 'x.svg', scenarios: [] });
    expect(parseOptions([])).toMatchObject({ growth: false });
  });
});
