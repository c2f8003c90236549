import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { MailhaulError } from '../../src/ground/errors.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { readTime, readWhen, readWindow } from '../../src/ground/settings-schedules.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-schedules-'));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const path = join(folder, `settings-${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

function reasonsOf(text: string, env: NodeJS.ProcessEnv = {}): string[] {
  try {
    loadSettings({ configFile: fileOf(text), env, options: {} });
  } catch (error) {
    return String((error as MailhaulError).details['reason']).split(';\n');
  }
  throw new Error('the settings were accepted');
}

describe('when', () => {
  it.each([
    ['once', { kind: 'once' }],
    ['every 30m', { kind: 'every', ms: 1_800_000 }],
    [' every  6 h ', { kind: 'every', ms: 21_600_000 }],
    ['every 1d', { kind: 'every', ms: 86_400_000 }],
    ['cron 0 2 * * *', { kind: 'cron', pattern: '0 2 * * *' }],
    ['cron  30 2 * * MON-FRI', { kind: 'cron', pattern: '30 2 * * MON-FRI' }],
  ])('%s', (text, meaning) => {
    expect(readWhen(text)).toEqual(meaning);
  });

  it.each(['', 'never', 'every', 'every 0m', 'every 400d', 'every 5w', 'every 5', 'onces'])('not %j', (text) => {
    expect(() => readWhen(text)).toThrow('expected');
  });

  it.each([
    'cron 61 2 * * *',
    'cron * * * *',
    'cron 0 0 2 * * *',
    'cron 0 0 30 2 *',
    'cron a b c d e',
    'cron @daily x',
  ])('not %j, which never comes up or is no pattern', (text) => {
    expect(() => readWhen(text)).toThrow('expected');
  });
});

describe('windows', () => {
  const days = [0, 1, 2, 3, 4, 5, 6];

  it.each([
    ['22:00-06:00', { days, from: 1320, to: 1800 }],
    ['00:00-24:00', { days, from: 0, to: 1440 }],
    ['Sat-Sun 00:00-24:00', { days: [0, 6], from: 0, to: 1440 }],
    ['mon,wed-fri 8:30 - 12:00', { days: [1, 3, 4, 5], from: 510, to: 720 }],
    ['Fri-Mon 20:00-00:00', { days: [0, 1, 5, 6], from: 1200, to: 1440 }],
  ])('%s', (text, meaning) => {
    expect(readWindow(text)).toEqual(meaning);
  });

  it.each([
    '',
    '22-06',
    '22:00',
    '24:00-06:00',
    '10:00-24:30',
    '10:60-12:00',
    '08:00-08:00',
    'Sa 10:00-12:00',
    'Mon-Tue-Wed 1:00-2:00',
  ])('not %j', (text) => {
    expect(() => readWindow(text)).toThrow('expected');
  });
});

describe('times', () => {
  it('have an offset of their own, or are those of the zone', () => {
    expect(readTime('2026-12-01T22:00:00Z')).toEqual({ kind: 'instant', ms: Date.UTC(2026, 11, 1, 22) });
    expect(readTime('2026-12-01 22:00+02:00')).toEqual({ kind: 'instant', ms: Date.UTC(2026, 11, 1, 20) });
    expect(readTime('2026-12-01 22:30')).toEqual({ kind: 'local', day: [2026, 12, 1], minutes: 1350 });
    expect(readTime('2026-12-01')).toEqual({ kind: 'local', day: [2026, 12, 1], minutes: 0 });
  });

  it.each(['', 'tomorrow', '2026-13-01', '2026-02-30', '2026-02-03 24:00', '01.12.2026', '2026-12-01T'])(
    'not %j',
    (text) => {
      expect(() => readTime(text)).toThrow('expected');
    },
  );
});

describe('the setting schedules', () => {
  it('adds what is given to what is there, field by field; the variable wins over the file', () => {
    const configFile = fileOf(
      'schedules:\n  default: {when: every 6h, priority: 1}\n  groups: {a: {priority: 2, order: newest}, b: {priority: 3}}\n',
    );
    const env = {
      MAILHAUL_SCHEDULES: '{default: {priority: 7}, groups: {a: {priority: 4}, c: {windows: ["1:00-2:00"]}}}',
    };
    const { schedules } = loadSettings({ configFile, env, options: {} });
    expect(schedules.default).toMatchObject({ when: 'every 6h', priority: 7, windows: [], order: 'oldest' });
    expect(schedules.groups).toEqual({
      a: { priority: 4, order: 'newest' },
      b: { priority: 3 },
      c: { windows: ['1:00-2:00'] },
    });
    expect(schedules.accounts).toEqual({});
  });

  it('names all that is wrong, with the place it was given in', () => {
    const file = [
      'popSessions: 1',
      'schedules:',
      '  default: {when: sometimes, zone: Mars/Base, stopAfterCleanRuns: -1}',
      '  groups: {night: {windows: ["22-6"], prio: 3}}',
      '  accounts: {ada: {cutOverAt: soon, order: random}}',
    ];
    const reasons = reasonsOf(file.join('\n'), { MAILHAUL_SCHEDULES: '{default: {startAt: "2026-02-30"}}' });
    const lineOf = (place: string) => reasons.find((reason) => reason.includes(`schedules.${place}`));
    for (const [line, place, value] of [
      [3, 'default.when', '"sometimes"'],
      [3, 'default.zone', '"Mars/Base"'],
      [3, 'default.stopAfterCleanRuns', '-1'],
      [4, 'groups.night.windows.0', '"22-6"'],
      [4, 'groups.night is', 'Unrecognized key: "prio"'],
      [5, 'accounts.ada.cutOverAt', '"soon"'],
      [5, 'accounts.ada.order', '"random"'],
    ] as const) {
      expect(lineOf(place), place).toMatch(new RegExp(`settings-\\d+\\.yaml line ${line}: `));
      expect(lineOf(place), place).toContain(value);
    }
    expect(lineOf('default.startAt')).toMatch(/^MAILHAUL_SCHEDULES: .*2026-12-01 22:00/);
    expect(reasons).toHaveLength(8);
  });

  it('is a map and nothing else', () => {
    expect(reasonsOf('schedules: nightly\n')).toEqual([
      expect.stringMatching(/line 1: schedules is "nightly": expected/),
    ]);
  });
});
