/** docs/quirks.csv, the table of scenarios and the tests themselves, held against each other. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { splitRecord } from '../src/accounts/csv.ts';
import { imapScenarios } from './quirks/imap-scenarios.ts';
import { pop3Scenarios } from './quirks/pop3-scenarios.ts';
import { at, row, type Scenario } from './quirks/scenario.ts';

/** How many rows the tables of the two references have, section by section. Add to them when a quirk is added. */
const expected: Record<string, number> = {
  'pop3 1.1': 11,
  'pop3 1.2': 13,
  'pop3 1.3': 9,
  'pop3 1.4': 20,
  'pop3 1.5': 1,
  'imap 2.1': 26,
  'imap 2.2': 18,
  'imap 2.3': 6,
};
const columns = ['reference', 'section', 'row', 'quirk', 'answer', 'scenario', 'reason'];
const scenarios: Readonly<Record<string, Scenario>> = { ...pop3Scenarios, ...imapScenarios };
const text = readFileSync('docs/quirks.csv', 'utf8');

type Quirk = Readonly<Record<string, string>>;

function quirksOf(csv: string): Quirk[] {
  const [header, ...rows] = csv
    .trimEnd()
    .split('\n')
    .map((line) => splitRecord(line, ','));
  expect(header).toEqual(columns);
  return rows.map((cells) => {
    expect(cells).toHaveLength(columns.length);
    return Object.fromEntries(columns.map((name, i) => [name, cells[i]!]));
  });
}

const keysOf = ({ scenario = '' }: Quirk) => scenario.split(';').filter((key) => key !== '');

/** What is wrong with the list itself. */
function listFaults(quirks: readonly Quirk[]): string[] {
  const faults: string[] = [];
  const seen = new Map<string, number>();
  for (const quirk of quirks) {
    const section = `${quirk['reference']} ${quirk['section']}`;
    const name = `${section} row ${quirk['row']}`;
    const next = (seen.get(section) ?? 0) + 1;
    seen.set(section, next);
    if (Number(quirk['row']) !== next) faults.push(`${name}: row ${next} of ${section} should stand here`);
    if (!quirk['quirk'] || !quirk['answer']) faults.push(`${name}: says nothing of the quirk, or of the answer to it`);
    const reasons = Number(keysOf(quirk).length > 0) + Number(quirk['reason'] !== '');
    if (reasons !== 1)
      faults.push(`${name}: has ${reasons === 0 ? 'neither scenario nor' : 'a scenario and a'} reason`);
    if (quirk['reason'] && quirk['reason'].length < 40) faults.push(`${name}: the reason is too short to be one`);
    if (new Set(keysOf(quirk)).size < keysOf(quirk).length) faults.push(`${name}: names a scenario twice`);
  }
  for (const [section, count] of Object.entries(expected)) {
    const rows = seen.get(section) ?? 0;
    if (rows !== count) faults.push(`${section} has ${rows} rows of ${count}`);
  }
  for (const section of seen.keys()) if (!(section in expected)) faults.push(`no reference has a section ${section}`);
  return faults;
}

/** What does not fit between the list and the table of scenarios. */
function tableFaults(quirks: readonly Quirk[], table: Readonly<Record<string, Scenario>>): string[] {
  const used = new Set(quirks.flatMap(keysOf));
  const known = new Set(Object.keys(table));
  return [
    ...[...used].filter((key) => !known.has(key)).map((key) => `${key} is no scenario`),
    ...[...known].filter((key) => !used.has(key)).map((key) => `no quirk needs the scenario ${key}`),
  ];
}

const escaped = (part: string) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What of a scenario does not stand in the file of its test; the titles stand there one behind the other. */
function testFaults(key: string, { file, titles, row: piece }: Scenario, source: string): string[] {
  if (piece !== undefined && !source.includes(piece)) return [`${key}: ${file} has no ${piece}`];
  let from = 0;
  for (const title of titles) {
    // As source, quotes and backslashes of a title are escaped; its table may say more of it (`'%j'.slice(0, 60)`).
    const written = escaped(title.replaceAll('\\', '\\\\')).replaceAll("'", "\\\\?'");
    const call = new RegExp(`(\\w+)?\\(\\s*(['"\`])${written}\\2(?:\\.\\w+\\([^()]*\\))?,`, 'g');
    call.lastIndex = from;
    const found = call.exec(source);
    if (!found) return [`${key}: no test in ${file} is called ${titles.join(' > ')}`];
    if (/^(?:skip|todo|fails)$/.test(found[1] ?? '')) return [`${key}: ${title} in ${file} is not run`];
    from = call.lastIndex;
  }
  return [];
}

describe('docs/quirks.csv', () => {
  const quirks = quirksOf(text);

  it('has each row of both references once, in its place, with a scenario or a reason', () => {
    expect(listFaults(quirks)).toEqual([]);
  });

  it('names the scenarios that there are, and all of them', () => {
    expect(tableFaults(quirks, scenarios)).toEqual([]);
  });

  it('would be found wrong where a row is missing, doubled, in another place, empty or beyond the end', () => {
    const one = listFaults(quirks.filter((_, i) => i !== 3));
    expect(one).toContain('pop3 1.1 has 10 rows of 11');
    expect(listFaults([quirks[0]!, ...quirks])[0]).toMatch(/row 2 of pop3 1\.1 should stand here/);
    expect(listFaults([...quirks.slice(1), quirks[0]!]).length).toBeGreaterThan(1);
    const bare = quirks.map((quirk, i) => (i === 0 ? { ...quirk, scenario: '', reason: '' } : quirk));
    expect(listFaults(bare)).toEqual(['pop3 1.1 row 1: has neither scenario nor reason']);
    const both = quirks.map((quirk, i) => (i === 0 ? { ...quirk, reason: 'x'.repeat(50) } : quirk));
    expect(listFaults(both)).toEqual(['pop3 1.1 row 1: has a scenario and a reason']);
    expect(listFaults([...quirks, { ...quirks[0]!, section: '9.9', row: '1' }])).toEqual([
      'no reference has a section pop3 9.9',
    ]);
    expect(tableFaults(quirks, {})).not.toEqual([]);
    expect(tableFaults([], { a: at('x', 'y') })).toEqual(['no quirk needs the scenario a']);
  });
});

describe('the table of scenarios', () => {
  it.each(Object.entries(scenarios))('%s is a test that there is', (key, scenario) => {
    expect(existsSync(scenario.file), scenario.file).toBe(true);
    expect(testFaults(key, scenario, readFileSync(scenario.file, 'utf8'))).toEqual([]);
  });

  it('would be found wrong where a title, a describe, a row or the order of them is another', () => {
    const source =
      "describe('a source', () => {\n it.each([\n  ['hangs'],\n ])('always %s', () => {});\n" +
      ` test('it\\'s "so"', () => {});\n it.${'skip'}('rests', () => {});\n});\ntest('outside', () => {});\n`;
    const faults = (...titles: string[]) => testFaults('key', at('x', ...titles), source).length;
    expect([faults('a source', 'always %s'), faults('outside'), faults('a source', 'it\'s "so"')]).toEqual([0, 0, 0]);
    expect([faults('always'), faults('outside', 'always %s'), faults('a source', 'rests')]).toEqual([1, 1, 1]);
    expect(testFaults('key', row(at('x', 'outside'), "['hangs']"), source)).toEqual([]);
    expect(testFaults('key', row(at('x', 'outside'), "['hung']"), source)).toHaveLength(1);
  });
});
