import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { MailhaulError } from '../../src/ground/errors.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { settingsWarning } from '../../src/operations/settings-safety.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-notify-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const configFile = join(folder, 'settings.yaml');

/** What is wrong with the targets of a settings file, without the place. */
function faults(notifications: object): string[] {
  writeFileSync(configFile, JSON.stringify({ notifications }));
  try {
    loadSettings({ configFile, env: {}, options: {} });
    return [];
  } catch (error) {
    const reason = String((error as MailhaulError).details['reason']);
    return reason.split(';\n').map((line) => line.replace(/^.*settings\.yaml line 1: notifications\./, ''));
  }
}

const secret = `whsec_${Buffer.alloc(32, 'cAnArY').toString('base64')}`;
const hook = { kind: 'webhook', url: 'https://ops.example.com/hook', secrets: [secret] };
const mail = { kind: 'email', host: 'smtp.example.com', from: 'mailhaul@example.com', to: ['ops@example.com'] };

test('takes webhooks and e-mail, and fills in what they leave out', () => {
  const login = { user: 'mailhaul', password: 'env:SMTP_PASSWORD', security: 'tls', port: 2465 };
  const good = {
    ops: { ...hook, secrets: ['env:HOOK_SECRET', 'file:/run/secrets/hook', `literal:${secret}`] },
    here: { ...hook, url: 'http://127.0.0.1:9000/x', events: ['run-finished'], groups: ['wave-1'], batchMs: 1000 },
    plain: { ...hook, url: 'http://hook.lan/x', allowHttp: true },
    mail: { ...mail, ...login, tlsCaFile: 'ca.pem' },
    relay: { ...mail, host: '127.0.0.1', security: 'none' },
  };
  expect(faults(good)).toEqual([]);
  const { notifications } = loadSettings({ configFile, env: {}, options: {} });
  expect(notifications['relay']).toMatchObject({ security: 'none' });
  expect(notifications['ops']?.events).toHaveLength(4);
  expect(notifications['mail']).toMatchObject({ security: 'tls', port: 2465 });
});

test('says everything that is wrong at once, and shows no secret', () => {
  const found = faults({
    a: { ...hook, url: 'http://ops.example.com/hook' },
    b: { ...hook, url: 'https://user:pw@ops.example.com/hook#x', secrets: [] },
    c: { ...hook, url: 'ftp://ops.example.com', secrets: ['cAnArY'] },
    d: { ...mail, from: 'a@b.example\r\nBcc: x@y.example', to: ['Ops <ops@example.com>'], user: 'x' },
    e: { ...mail, to: [], host: 'a b', events: ['everything'], groups: [] },
    f: { kind: 'sms' },
    'g h': hook,
    i: { ...mail, url: 'https://x.example' },
  });
  const at = (name: string) =>
    found.filter((line) => /^[.:]/.test(line.slice(name.length)) && line.startsWith(name)).length;
  expect([at('a'), at('b'), at('d'), at('e'), at('f'), at('i')], found.join('\n')).toEqual([1, 3, 3, 4, 1, 1]);
  expect(at('c')).toBe(3);
  expect(found.join('\n')).toContain('a.url: with http:// everybody on the way reads along');
  expect(found.join('\n')).not.toContain('cAnArY');
  expect(found.join('\n')).not.toContain(secret);
});

test('what a variable gives is added to what the file has', () => {
  expect(faults({ ops: hook })).toEqual([]);
  const env = { MAILHAUL_NOTIFICATIONS: `{mail: ${JSON.stringify(mail)}}` };
  expect(Object.keys(loadSettings({ configFile, env, options: {} }).notifications)).toEqual(['ops', 'mail']);
});

test('a file that others can read is told about when a secret of notifications stands in it', () => {
  const told = (notifications: object) => {
    rmSync(configFile, { force: true });
    writeFileSync(configFile, JSON.stringify({ notifications }), { mode: 0o644 });
    return settingsWarning(configFile)?.code;
  };
  expect(told({ ops: hook })).toBe('settings-secrets-readable');
  expect(told({ mail: { ...mail, user: 'x', password: 'hunter2' } })).toBe('settings-secrets-readable');
  expect(told({ ops: { ...hook, secrets: ['env:X'] }, mail })).toBe(undefined);
});
