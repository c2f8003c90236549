import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorRows } from '../../src/ground/errors.ts';
import { packageRoot } from '../../src/ground/package-root.ts';
import { settingsSchema } from '../../src/ground/settings.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';

const page = readFileSync(join(packageRoot(), 'docs', 'dashboard.md'), 'utf8');
const examples = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]!);
const settings = loadSettings({ env: {}, options: { dataDir: '/nowhere' } });

describe('docs/dashboard.md', () => {
  it('names settings and errors that there are', () => {
    const named = [...page.matchAll(/`([a-z]+(?:[A-Z][a-z]+)+)`/g)].map((match) => match[1]!);
    expect(named.length).toBeGreaterThan(8);
    for (const name of named) expect(Object.keys(settingsSchema.shape)).toContain(name);
    const codes = [...page.matchAll(/^\| `([a-z-]+)`/gm)]
      .map((match) => match[1]!)
      .filter((code) => code !== 'token-look');
    expect(codes.length).toBeGreaterThan(4);
    for (const code of codes) expect(errorRows.map((row) => row.code)).toContain(code);
  });

  it('has examples of proxies that fit the settings', () => {
    const proxies = [...examples('nginx'), ...examples('caddy')];
    expect(proxies).toHaveLength(3);
    for (const text of proxies) {
      expect(text).toContain(settings.listen);
      // What asks for no token is not for the world.
      for (const path of ['metrics', 'healthz', 'readyz']) expect(text).toContain(path);
    }
    for (const text of examples('nginx')) {
      expect(text).toContain('proxy_buffering off;');
      expect(text).toContain('proxy_set_header Host $host;');
      // Replaced, not added to: what a browser said of its address is nobody's word.
      expect(text).toContain('proxy_set_header X-Forwarded-For $remote_addr;');
      const silence = Number(/proxy_read_timeout (\d+)s;/.exec(text)![1]) * 1000;
      expect(silence).toBeGreaterThan(settings.eventsKeepAliveMs);
      expect(Number(/client_max_body_size (\d+)m;/.exec(text)![1]) * 2 ** 20).toBe(settings.apiImportMaxBytes);
    }
  });
});
