import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { MailhaulError } from '../../src/ground/errors.ts';
import { loadPatterns, loadPatternsFor, readPattern } from '../../src/ground/patterns.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { rulesFor, shippedRules } from '../../src/ground/settings-rules.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-rules-'));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const path = join(folder, `settings-${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

function load(text: string, env: NodeJS.ProcessEnv = {}) {
  return loadSettings({ configFile: fileOf(text), env, options: {} }).rules;
}

function reasonsOf(rules: string, env: NodeJS.ProcessEnv = {}): string[] {
  try {
    load(`rules:\n  default:\n${rules.replace(/^/gm, '    ')}\n`, env);
  } catch (error) {
    return String((error as MailhaulError).details['reason']).split(';\n');
  }
  throw new Error('the settings were accepted');
}

it('patterns are read only where the settings have one, and that costs nothing elsewhere', async () => {
  await loadPatternsFor(fileOf('popSessions: 3\n'), '{default: []}');
  await loadPatternsFor(undefined, undefined);
  await loadPatternsFor(join(folder, 'nowhere.yaml'), undefined);
  expect(() => readPattern('a')).toThrow('matches');
  await loadPatternsFor(fileOf('rules: {default: [{header: A, matches: b, to: C}]}\n'), undefined);
  expect(readPattern('A').occursIn('bab')).toBe(true);
});

describe('a rule that is wrong is named, with what to do', () => {
  beforeAll(loadPatterns);

  it.each([
    ['- own-mail-to-send', /rules\.default\.0 .*no preset of this name; did you mean own-mail-to-sent\?/],
    ['- nothing-like-it', /there are own-mail-to-sent, spam-to-junk, .* and inherited/],
    ['- 7', /rules\.default\.0 is 7: expected object/],
    ['- {}', /says nothing that is to be done: to, skip, flags, keywords, seen/],
    ['- { name: bills, spam: true }', /rules\.default\.0 .*rule "bills": says nothing/],
    ['- { name: bills, too: X, seen: true }', /rules\.default\.0\.too .*rule "bills": .*did you mean to\?/],
    ['- { skip: no, to: X }', /skips and has to/],
    ['- { spam: true, flags: [\\Seen], seen: false }', /has the flag \\Seen and says seen: false/],
    ['- { contains: x, to: X }', /contains needs the field that it is about: header: NAME/],
    ['- { header: Subject, to: X }', /header needs one of equals, contains, matches, exists/],
    ['- { header: Subject, contains: a, equals: b, to: X }', /for more of them use all/],
    ['- { header: "Subject:", contains: a, to: X }', /without its colon/],
    [
      '- { header: Subject, contains: "", to: X }',
      /rules\.default\.0\.contains .*at least 1 character|0\.contains .*Too small/,
    ],
    [
      '- { header: Subject, matches: "(a", to: X }',
      /0\.matches .*regular expression of RE2.*missing closing \): `\(a`/,
    ],
    ['- { header: Subject, matches: ["a", "(?<=b)"], to: X }', /0\.matches .*no look-around/],
    ['- { to: "A/{yaer}" }', /0\.to .*there is no \{yaer\}; did you mean \{year\}\?/],
    ['- { to: "A/{year" }', /every "\{" to have its "\}"/],
    ['- { to: "A//B" }', /a name between any two "\/"/],
    ['- { to: "\\\\Spam" }', /expected one of \\Sent, \\Junk, \\Archive, \\Trash, \\Drafts/],
    ['- { to: "a\\u0007b" }', /without control characters/],
    ['- { flags: ["\\\\Deleted"] }', /0\.flags\.0/],
    ['- { keywords: ["two words"] }', /0\.keywords\.0 .*expected a keyword/],
    ['- { keywords: ["a]"] }', /expected a keyword/],
    ['- { olderThanDays: 9, newerThanDays: 9, to: X }', /no message is newer than newerThanDays/],
    ['- { minBytes: 9, maxBytes: 8, to: X }', /no message has minBytes/],
    ['- { any: [], to: X }', /0\.any/],
    ['- { not: {}, to: X }', /0\.not .*expected a condition/],
    ['- { any: [{ spam: true, tp: 3 }], to: X }', /0\.any\.0\.tp .*no such condition/],
    ['- { not: { not: { not: { not: { not: { spam: true } } } } }, to: X }', /at most 4 conditions inside one another/],
    ['- inherited\n- inherited', /inherited once at most/],
  ])('%s', (text, reason) => {
    expect(reasonsOf(text)).toEqual([expect.stringMatching(reason)]);
  });

  it('all of them at once, each with its place', () => {
    const text =
      '- { name: one, to: "{x}", a: 1, b: 2 }\n- two\n- { name: three, flags: [x], header: A, matches: "[" }';
    const reasons = reasonsOf(text, { MAILHAUL_RULES: '{groups: {g: [{too: X}]}}' });
    expect(reasons).toHaveLength(7);
    expect(reasons.filter((reason) => reason.includes('rule "three"'))).toHaveLength(2);
    expect(reasons.find((reason) => reason.includes('groups.g'))).toMatch(/^MAILHAUL_RULES: rules\.groups\.g\.0/);
    expect(reasons.find((reason) => reason.includes('rule "one"'))).toMatch(
      /settings-\d+\.yaml line 3: rules\.default\.0/,
    );
  });
});

describe('of one mistake there is one complaint', () => {
  beforeAll(loadPatterns);

  it('though more is missing because of it', () => {
    expect(reasonsOf('- { heeder: Subject, contains: x, to: X }')).toEqual([
      expect.stringMatching(/\.heeder .*did you mean header\?/),
    ]);
    expect(reasonsOf('- { all: [{ heder: Subject, contains: x }], to: X }')).toEqual([
      expect.stringMatching(/\.all\.0\.heder .*did you mean header\?/),
    ]);
    expect(reasonsOf(`- { header: Subject, matches: ${'x'.repeat(1001)}, to: X }`)).toHaveLength(1);
    const long = 'spam-to-junk, '.repeat(20);
    expect(reasonsOf('[]', { MAILHAUL_RULES: JSON.stringify({ groups: { a: long } }) })).toEqual([
      expect.stringMatching(/^MAILHAUL_RULES: rules\.groups\.a .*expected array/),
    ]);
  });

  it('with the line on which it stands', () => {
    const text = '- spam-to-junk\n- name: bills\n  spam: true\n  to: "\\\\Bills"\n- nothing-like-it\n';
    expect(reasonsOf(text)).toEqual([
      expect.stringMatching(/ line 6: rules\.default\.1\.to .*rule "bills": expected one of/),
      expect.stringMatching(/ line 7: rules\.default\.2 /),
    ]);
    expect(reasonsOf('- spam-to-junk\n- &a { spam: true }\n- *a\n')).toEqual([
      expect.stringMatching(/ line 4: rules\.default\.1 /),
      expect.stringMatching(/ line [35]: rules\.default\.2 /),
    ]);
  });

  it('which says how long lists may be', () => {
    const list = Array.from({ length: 1001 }, (_, i) => `a${i}@x`);
    expect(reasonsOf(`- { header: From, equals: [${list.join(', ')}], to: X }`)).toEqual([
      expect.stringContaining('a list of at most 1000 texts'),
    ]);
  });

  it.each(['"a\\e"', '"\\0"', '"\\e[31mred"', '" "'])('and the text %s is none', (text) => {
    for (const rule of [`{ spam: true, skip: ${text} }`, `{ spam: true, to: X, name: ${text} }`]) {
      const reasons = reasonsOf(`- ${rule}`);
      expect(reasons).toEqual([expect.stringContaining('expected a text on one line')]);
      expect(reasons[0]).not.toMatch(/\p{Cc}/u);
    }
  });
});

describe('the list of an account', () => {
  const listOf = (text: string, owner: { id: string; group: string }, env: NodeJS.ProcessEnv = {}) =>
    rulesFor(load(text, env), owner).map((one) => (typeof one === 'string' ? one : (one.to ?? '')));
  const text = [
    'rules:',
    '  groups:',
    '    wave-1: [{ to: W }, inherited]',
    '    wave-2: [spam-to-junk]',
    '    wave-3: []',
    '  accounts:',
    '    ann: [inherited, { to: Ann }]',
    '    bob: [archive-by-year]',
  ].join('\n');
  const shipped = [...shippedRules];

  it('config/default.yaml has the list that inherited stands for', () => {
    const settings = parse(readFileSync('config/default.yaml', 'utf8')) as { rules: { default: string[] } };
    expect(settings.rules.default).toEqual(shipped);
  });

  it.each([
    ['zoe', '', shipped],
    ['zoe', 'wave-1', ['W', ...shipped]],
    ['zoe', 'wave-2', ['spam-to-junk']],
    ['zoe', 'wave-3', []],
    ['zoe', 'toString', shipped],
    ['ann', '', [...shipped, 'Ann']],
    ['ann', 'wave-1', ['W', ...shipped, 'Ann']],
    ['ann', 'wave-2', ['spam-to-junk', 'Ann']],
    ['bob', 'wave-1', ['archive-by-year']],
  ])('of %s in %s', (id, group, expected) => {
    expect(listOf(text, { id, group })).toEqual(expected);
  });

  it('takes the lists of a variable in place of those of the file, name by name', () => {
    const env = { MAILHAUL_RULES: '{default: [{to: D}, inherited], accounts: {ann: [{to: Other}]}}' };
    expect(listOf(text, { id: 'ann', group: 'wave-1' }, env)).toEqual(['Other']);
    expect(listOf(text, { id: 'zoe', group: 'wave-1' }, env)).toEqual(['W', 'D', ...shipped]);
  });
});
