import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { editDistance, nearest } from '../../src/ground/nearest.ts';
import { settingsSchema } from '../../src/ground/settings.ts';
import { defaultDataDir, loadSettings, variableName } from '../../src/ground/settings-load.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-settings-'));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const path = join(folder, `settings-${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

function reasonsOf(from: Parameters<typeof loadSettings>[0]): string[] {
  try {
    loadSettings(from);
  } catch (error) {
    expect(error).toBeInstanceOf(MailhaulError);
    expect((error as MailhaulError).code).toBe('settings-invalid');
    return String((error as MailhaulError).details['reason']).split(';\n');
  }
  throw new Error('the settings were accepted');
}

describe('settings', () => {
  it('come from the defaults where nobody gives another', () => {
    const settings = loadSettings({ env: { HOME: '/home/eve' }, options: {} });
    expect(Object.keys(settings).sort()).toEqual(Object.keys(settingsSchema.shape).sort());
    expect(settings.spoolMaxBytes).toBe(4294967296);
    expect(settings.inDoubtWaitsMs).toEqual([0, 2000, 10000]);
    expect(settings.dataDir).toBe(defaultDataDir({ HOME: '/home/eve' }, process.getuid?.()));
  });

  it('take the file over the default, the variable over the file and the option over the variable', () => {
    const configFile = fileOf('popSessions: 1\nimapSessions: 2\nleaseMs: 3000\ndefaults: {pop_host: a.example}\n');
    const env = { MAILHAUL_IMAP_SESSIONS: '4', MAILHAUL_LEASE_MS: '5000' };
    const settings = loadSettings({ configFile, env, options: { leaseMs: 6000, popSessions: undefined } });
    expect(settings).toMatchObject({ popSessions: 1, imapSessions: 4, leaseMs: 6000, reconcileMs: 5000 });
    expect(settings.defaults).toEqual({ pop_host: 'a.example' });
  });

  it('take lists, maps, null and plain text from variables', () => {
    const env = {
      MAILHAUL_RETRY_WAITS_MS: '[1, 2]',
      MAILHAUL_DEFAULTS: '{pop_port: 1995, imap_security: none}',
      MAILHAUL_REDIS: 'unix:///run/a #b: c',
      MAILHAUL_DATA_DIR: '"/srv/quoted"',
      MAILHAUL_POP_SESSIONS: '',
    };
    const settings = loadSettings({ env, options: {} });
    expect(settings.retryWaitsMs).toEqual([1, 2]);
    expect(settings.defaults).toEqual({ pop_port: 1995, imap_security: 'none' });
    expect(settings.redis).toBe('unix:///run/a #b: c');
    expect(settings.dataDir).toBe('/srv/quoted');
    expect(settings.popSessions).toBe(20);
    expect(loadSettings({ env: { MAILHAUL_REDIS: 'null' }, options: { redis: undefined } }).redis).toBeNull();
  });

  it('take an empty file', () => {
    expect(loadSettings({ configFile: fileOf('# nothing yet\n'), env: {}, options: {} }).popSessions).toBe(20);
  });

  it('report all mistakes at once, each with its source', () => {
    const configFile = fileOf(
      '# mine\npopSessions: many\nspoolMaxByte: 7\n\nplacement: outbox\nretryWaitsMs: [1, -1]\n',
    );
    const env = { MAILHAUL_LEASE_MS: '10', MAILHAUL_BATCH_MAX_MESAGES: '3', MAILHAUL_UNRELATED: 'x' };
    const reasons = reasonsOf({ configFile, env, options: { imapSessions: 0 } });
    expect(reasons).toHaveLength(7);
    expect(reasons).toContainEqual(expect.stringMatching(/settings-\d+\.yaml line 2: popSessions is "many": .*number/));
    expect(reasons).toContainEqual(
      expect.stringMatching(/line 3: there is no setting spoolMaxByte; .*spoolMaxBytes\?/),
    );
    expect(reasons).toContainEqual(expect.stringMatching(/line 5: placement is "outbox": .*"sent".*"inbox"/));
    expect(reasons).toContainEqual(expect.stringMatching(/line 6: retryWaitsMs\.1 is \[1,-1\]: .*>=0/));
    expect(reasons).toContainEqual(expect.stringMatching(/^MAILHAUL_LEASE_MS: leaseMs is 10: .*>=1000/));
    expect(reasons).toContainEqual(
      expect.stringMatching(/^MAILHAUL_BATCH_MAX_MESAGES: .*MAILHAUL_BATCH_MAX_MESSAGES\?/),
    );
    expect(reasons).toContainEqual(expect.stringMatching(/^--imap-sessions: imapSessions is 0: /));
  });

  it('leave alone variables that are no setting', () => {
    const env = {
      MAILHAUL_DASHBOARD_PORT: '1',
      MAILHAUL_REDIS_PASSWORD: 'x',
      MAILHAUL_SECRET: 'y',
      MAILHAUL_HOME: '/x',
    };
    expect(loadSettings({ env, options: {} }).redis).toBeNull();
  });

  it('name the line of malformed YAML and quote nothing of it', () => {
    const [reason, ...more] = reasonsOf({
      configFile: fileOf('popSessions: 1\nredis: "redis://:hunter2@db" "hunter2"\n'),
      env: {},
      options: {},
    });
    expect(more).toEqual([]);
    expect(reason).toMatch(/line 2: the YAML is malformed/);
    expect(reason).not.toContain('hunter2');
  });

  it('name the line of an anchor that is not there', () => {
    const reasons = reasonsOf({ configFile: fileOf('popSessions: 1\nleaseMs: *none\n'), env: {}, options: {} });
    expect(reasons).toEqual([expect.stringMatching(/line 2: leaseMs refers to an anchor/)]);
  });

  it('never show a value that may hold a password', () => {
    const configFile = fileOf('redis: [redis://:hunter2@db]\ndefaults: {imap_password: [hunter2]}\n');
    const reasons = reasonsOf({ configFile, env: {}, options: {} }).join('\n');
    expect(reasons).toMatch(/redis.*\n.*defaults\.imap_password/);
    expect(reasons).not.toContain('hunter2');
  });

  it('say that a file is missing or is no list of settings', () => {
    expect(reasonsOf({ configFile: join(folder, 'none.yaml'), env: {}, options: {} })[0]).toMatch(/none\.yaml.*ENOENT/);
    expect(reasonsOf({ configFile: fileOf('- a\n'), env: {}, options: {} })[0]).toMatch(/name: value/);
  });
});

describe('the default data directory', () => {
  it('is /var/lib/mailhaul for root and the XDG state directory for others', () => {
    expect(defaultDataDir({ HOME: '/root' }, 0)).toBe('/var/lib/mailhaul');
    expect(defaultDataDir({ HOME: '/home/eve' }, 1000)).toBe('/home/eve/.local/state/mailhaul');
    expect(defaultDataDir({ HOME: '/home/eve', XDG_STATE_HOME: '/state' }, 1000)).toBe('/state/mailhaul');
    expect(defaultDataDir({ HOME: '/home/eve', XDG_STATE_HOME: 'relative' }, 1000)).toBe(
      '/home/eve/.local/state/mailhaul',
    );
  });
});

describe('names', () => {
  it('turn into variables', () => {
    expect(variableName('spoolMaxBytes')).toBe('MAILHAUL_SPOOL_MAX_BYTES');
    expect(variableName('redis')).toBe('MAILHAUL_REDIS');
  });

  it('are compared by insertions, deletions, replacements and swaps', () => {
    expect(editDistance('abc', 'abc', 3)).toBe(0);
    expect(editDistance('abc', 'acb', 3)).toBe(1);
    expect(editDistance('abc', 'xabcd', 3)).toBe(2);
    expect(editDistance('abc', 'xyz', 3)).toBe(3);
    expect(editDistance('abc', 'uvwxyz', 2)).toBe(3);
    expect(nearest('pop_hots', ['imap_host', 'pop_host', 'pop_port'])).toBe('pop_host');
    expect(nearest('colour', ['pop_host', 'id'])).toBeUndefined();
  });
});
