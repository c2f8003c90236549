/** docs/notifications.md: its examples are what the code does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../src/ground/package-root.ts';
import { notifiedEvents, notifyShape } from '../../src/ground/settings-notify.ts';
import type { OutboxEntry } from '../../src/notify/events.ts';
import { notificationOf } from '../../src/notify/message.ts';
import { signedHeaders } from '../../src/notify/webhook.ts';
import { noMessages } from '../../src/report/report.ts';
import { secretA, secretB, webhookTo } from './notify-rig.ts';

const page = readFileSync(join(packageRoot(), 'docs/notifications.md'), 'utf8');
const block = (language: string) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(page)![1]!;
const cells = [...page.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell]) => cell!.match(/[\w-]+/g)!);
const at = Date.UTC(2026, 10, 22, 2, 14);
const carol = { account: 'carol@example.com', group: 'wave-1', run: '20261122-020000-x7' };
const entry = (number: number, event: OutboxEntry['event'], more: Partial<OutboxEntry> = {}): OutboxEntry => {
  return { id: `${at}-${number}`, number, event, code: '', states: {}, ...more };
};

const entries = [
  entry(0, { what: 'ended', at, ...carol, state: 'failed', messages: noMessages }, { code: 'credentials-refused' }),
  entry(1, { what: 'spent', at, host: 'pop.example.com', side: 'source', until: at + 3_600_000, group: 'wave-1' }),
  entry(2, { what: 'finished', at, group: null, within: false }, { states: { complete: 499, failed: 1 } }),
];

test('the JSON is what a webhook gets', () => {
  const dashboard = 'https://mailhaul.example.com/';
  const about = { name: 'ops', dashboard, target: webhookTo('https://ops.example.com/'), at: at + 300_000, missed: 0 };
  expect(JSON.parse(block('json'))).toEqual(JSON.parse(JSON.stringify(notificationOf(about, entries, 20))));
});

test('the settings are taken, and every field and event is explained', () => {
  const { notifications } = parse(block('yaml')) as { notifications: object };
  expect(notifyShape.notifications.safeParse(notifications).error).toBeUndefined();
  const [webhook, email] = notifyShape.notifications.def.valueType.options;
  const fields = [...Object.keys(webhook.shape), ...Object.keys(email.shape)];
  expect(cells.sort()).toEqual([...new Set([...fields, ...notifiedEvents])].sort());
});

test('the lines that verify a message do, and drop what came before', () => {
  const code = block('js')
    .replace(/^import .*$/m, '')
    .replace('export ', '');
  const env = { MAILHAUL_HOOK_SECRET: secretB };
  const take = new Function('Webhook', 'process', `${code}; return take;`)(Webhook, { env });
  const body = '{"type":"mailhaul.test"}';
  const headers = signedHeaders('msg_1', body, { secrets: [secretA, secretB], now: Date.now() });
  expect(take(headers, body)).toEqual({ type: 'mailhaul.test' });
  expect(take(headers, body)).toBe(undefined);
  expect(() => take(headers, `${body} `)).toThrow('No matching signature');
});
