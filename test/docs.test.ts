import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describedSettings, errorsPage, settingsPage } from '../scripts/docs-pages.ts';
import { providersPage } from '../scripts/providers-page.ts';
import { columnNames } from '../src/accounts/columns.ts';
import { loadAccountList } from '../src/accounts/list.ts';
import { presets } from '../src/append/rules/presets.ts';
import { errorRows } from '../src/ground/errors.ts';
import { packageRoot } from '../src/ground/package-root.ts';
import { loadPatterns } from '../src/ground/patterns.ts';
import { settingsSchema } from '../src/ground/settings.ts';
import { conditionShape } from '../src/ground/settings-conditions.ts';
import { presetNames, rulesSchema } from '../src/ground/settings-rules.ts';
import { schedulesSchema } from '../src/ground/settings-schedules.ts';
import { placeholders } from '../src/ground/settings-templates.ts';
import { mechanismNames } from '../src/pop3/mechanisms.ts';

const read = (...path: string[]) => readFileSync(join(packageRoot(), ...path), 'utf8');
/** The code names in the first cell of every row of the tables of a page. */
const firstCells = (page: string) =>
  page
    .split('\n')
    .flatMap((line) => [...(/^\| (`[^|]*) \|/.exec(line)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map((m) => m[1]!));

describe('the documentation', () => {
  it('describes every setting of the schema in config/default.yaml, and no other', () => {
    const described = describedSettings(read('config', 'default.yaml'));
    expect(described.map((setting) => setting.name).sort()).toEqual(Object.keys(settingsSchema.shape).sort());
    expect(described.filter((setting) => setting.meaning === '' || setting.section === '')).toEqual([]);
  });

  it('lists the same settings in docs/settings.md (npm run docs)', () => {
    expect(firstCells(read('docs', 'settings.md')).sort()).toEqual(Object.keys(settingsSchema.shape).sort());
    expect(read('docs', 'settings.md')).toBe(settingsPage());
  });

  it('lists the errors of the table in docs/errors.md (npm run docs)', () => {
    expect(firstCells(read('docs', 'errors.md'))).toEqual(errorRows.map((row) => row.code));
    expect(read('docs', 'errors.md')).toBe(errorsPage());
  });

  it('shows the profiles of config/providers.yaml in docs/providers.md (npm run docs)', () => {
    expect(read('docs', 'providers.md')).toBe(providersPage());
  });

  it('explains every field of a schedule in docs/schedules.md, with its default and examples that are right', () => {
    const page = read('docs', 'schedules.md');
    const defaults = (parse(read('config', 'default.yaml')) as { schedules: { default: object } }).schedules.default;
    const rows = [...page.matchAll(/^\| `(\w+)` \| .* \| `(.*)` \|$/gm)].map(([, name, value]) => [
      name,
      parse(value!),
    ]);
    expect(Object.fromEntries(rows)).toEqual(defaults);
    const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => parse(text!));
    expect(examples.length).toBeGreaterThan(3);
    for (const { schedules } of examples) {
      const groups = { groups: {}, accounts: {}, ...schedules };
      expect(schedulesSchema.parse({ ...groups, default: { ...defaults, ...schedules.default } })).toBeDefined();
    }
  });

  it('explains every condition, action, place and preset of rules in docs/placement.md, with examples that are right', async () => {
    const page = read('docs', 'placement.md');
    const cells = firstCells(page).map((cell) => cell.split(':')[0]!);
    const named = [...Object.keys(conditionShape), 'to', 'flags', 'keywords', 'seen', 'skip'];
    const places = placeholders.map((name) => `{${name}}`);
    expect(cells.filter((cell) => cell !== 'header').sort()).toEqual(
      [...named.filter((name) => name !== 'header'), ...places, ...presetNames].sort(),
    );
    await loadPatterns();
    const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => parse(text!) as { rules: object });
    expect(examples.length).toBeGreaterThan(2);
    for (const { rules } of examples) {
      expect(rulesSchema.safeParse({ default: [], groups: {}, accounts: {}, ...rules }).error).toBeUndefined();
    }
    for (const [, name, text] of page.matchAll(/^\| `([\w-]+)` \| `(\{ .* \})`/gm)) {
      expect(parse(text!), name).toEqual(presets[name as keyof typeof presets]);
    }
  });

  it('has every mechanism in docs/logins.md, and examples that are right', async () => {
    const page = read('docs', 'logins.md');
    expect(firstCells(page.split('What `auto` takes')[0]!.replace(/^\| `pop_auth`.*$/m, '')).sort()).toEqual(
      [...mechanismNames].sort(),
    );
    const hosts = { pop_host: 'pop.example.com', imap_host: 'imap.example.com' };
    let defaults = {};
    let lists = 0;
    for (const [, language, text] of page.matchAll(/^```(yaml|csv)\n(.*?)^```/gms)) {
      if (language === 'yaml') defaults = (parse(text!) as { defaults: object }).defaults;
      else {
        const path = join(mkdtempSync(join(tmpdir(), 'mailhaul-docs-')), 'accounts.csv');
        writeFileSync(path, text!);
        const accounts = await loadAccountList(path, { ...hosts, ...defaults });
        for (const { id } of accounts) expect(id).toMatch(/^(?:alice|bob|carol)@example\.com$/);
        rmSync(dirname(path), { recursive: true });
        defaults = {};
        lists += 1;
      }
    }
    expect(lists).toBe(3);
  });

  it('explains every column of the account list in docs/accounts.md, and no other', () => {
    const table = read('docs', 'accounts.md').split('## Passwords')[0]!;
    expect(firstCells(table).sort()).toEqual([...columnNames].sort());
  });
});
