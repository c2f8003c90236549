import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { packageRoot } from '../../src/ground/package-root.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { budgetOf, noBudget } from '../../src/limits/budgets.ts';

const page = readFileSync(join(packageRoot(), 'docs', 'budgets.md'), 'utf8');
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1]!);

function load(text: string) {
  const directory = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const configFile = join(directory, 'settings.yaml');
  writeFileSync(configFile, text);
  return loadSettings({ configFile, env: {}, options: {} });
}

describe('docs/budgets.md', () => {
  it('has settings that can be used as they are', () => {
    expect(examples.length).toBeGreaterThanOrEqual(4);
    for (const example of examples) expect(Object.keys(load(example).budgets.hosts).length).toBeGreaterThan(0);
  });

  it('has the figures of Gmail', () => {
    const gmail = load(examples.find((example) => example.includes('pop.gmail.com'))!);
    expect(budgetOf(gmail, 'pop.gmail.com').downloadBytesPerDay).toBe(1_250_000_000);
    expect(budgetOf(gmail, 'imap.gmail.com').uploadBytesPerDay).toBe(500_000_000);
  });

  it('names every limit and every setting that exists, and none that does not', () => {
    const named = new Set([...page.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
    for (const limit of Object.keys(noBudget)) expect([...named]).toContain(limit);
    const settings = load('');
    for (const name of [...named].filter((one) => /^[a-z]+[A-Z]\w*(?:Ms|Tries)$/.test(one))) {
      expect(Object.keys(settings)).toContain(name);
    }
  });

  it.each([
    ['{ hosts: { h: { connection: 1 } } }', 'connection'],
    ['{ hosts: { h: { connections: -1 } } }', 'connections'],
    ['{ hosts: { h: { connections: 1.5 } } }', 'connections'],
    ['{ default: { loginsPerSecond: many } }', 'loginsPerSecond'],
    ['{ host: {} }', 'host'],
  ])('a mistake is named with its place: %s', (text, name) => {
    let reason = '';
    try {
      load(`budgets: ${text}\n`);
    } catch (error) {
      reason = (error as Error).message;
    }
    expect(reason).toContain('line 1');
    expect(reason).toContain('budgets');
    expect(reason).toContain(name);
  });
});
