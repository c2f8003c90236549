import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeskParts } from '../../src/operations/desk.ts';
import { fuzz } from '../fuzz.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { accountOf, type DashboardRig, openRig } from './dashboard-rig.ts';
import { type Operation, writtenDocument } from './documented.ts';
import { nastyText, valuesLike } from './schema-values.ts';

const redis = useRedis();
/** Switched off: whatever is asked for, no server is looked at. */
const accounts = [{ ...accountOf('ann'), enabled: false }];
const admin: DeskParts['admin'] & object = {
  importList: async () => ({ added: [], changed: [], removed: [], unchanged: 0 }),
  remove: async (ids) => ({ removed: ids, unknown: [] }),
};

interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const routes: Route[] = Object.entries(writtenDocument.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);
/** The stream of events does not end; what it refuses, the routes beside it refuse too. */
const answering = routes.filter(({ path }) => path !== '/api/events');
const withBody = answering.filter(({ operation }) => operation.requestBody);

async function hostileRig(): Promise<DashboardRig> {
  return openRig(await redis.another(), accounts, { parts: { admin }, settings: { discoverTimeoutMs: 100 } });
}

/** The path with something else in the places of its names, and a query that may be of another route. */
function addresses({ path, operation }: Route): fc.Arbitrary<string> {
  const names = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  const part = fc.oneof(
    nastyText.map(encoded),
    fc.constantFrom('%', '%00', '%ff', '..%2f', 'ann%00', 'x'.repeat(2500)),
  );
  const name = fc.oneof(fc.constantFrom('id', 'limit', 'after', 'state', ...names), nastyText);
  const pair = fc.tuple(name, nastyText).map(([key, value]) => `${encoded(key)}=${encoded(value)}`);
  const query = fc.option(fc.array(pair, { minLength: 1, maxLength: 4 }), { freq: 2, nil: [] });
  return fc.tuple(fc.array(part, { minLength: 3, maxLength: 3 }), query).map(([parts, pairs]) => {
    let at = 0;
    const filled = path.replace(/\{\w+\}/g, () => parts[at++]! || 'x');
    return pairs.length === 0 ? filled : `${filled}?${pairs.join('&')}`;
  });
}

/** Half a surrogate has no UTF-8. */
function encoded(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, ''));
}

function requests(route: Route): fc.Arbitrary<{ method: string; path: string; raw?: string }> {
  const { method, operation } = route;
  const schema = operation.requestBody?.content['application/json']?.schema;
  const body = schema ? valuesLike(schema).map((value) => JSON.stringify(value)) : fc.constant(undefined);
  return fc.tuple(addresses(route), body).map(([path, raw]) => ({ method, path, ...(raw !== undefined && { raw }) }));
}

const bodies = {
  'nothing at all': '',
  'half a document': '{"all":tr',
  'no object': '"text"',
  'a prototype': '{"all":true,"__proto__":{"polluted":1}}',
  'a constructor': '{"all":true,"constructor":{"prototype":{"polluted":1}}}',
  'two of one name': '{"all":true,"all":false}',
  'a number beyond all': '{"all":1e999}',
  'what nobody closes': '['.repeat(100_000),
  'what is deep': `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
  'more than is taken': JSON.stringify({ reason: 'x'.repeat(2_000_000) }),
  'half a letter': '{"reason":"\\ud800"}',
} as const;

describe('hostile requests', () => {
  it('that are no good document are refused by every route that takes a body', async () => {
    const { ask } = await hostileRig();
    for (const [name, raw] of Object.entries(bodies)) {
      for (const { method, path } of withBody) {
        const { status, json } = await ask(path, { method, raw });
        expect([400, 413], `${method} ${path} with ${name}`).toContain(status);
        expect(json['code']).toBe('request-refused');
      }
    }
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('of another kind than JSON are refused by every route that takes a body', async () => {
    const { ask } = await hostileRig();
    for (const { method, path } of withBody) {
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'application/xml',
      ]) {
        const { status } = await ask(path, { method, raw: 'all=true', headers: { 'content-type': type } });
        expect(status, `${method} ${path} ${type}`).toBe(415);
      }
    }
  });

  it('with a field or a parameter that no route has are refused, and its value is not repeated', async () => {
    const { ask } = await hostileRig();
    for (const { method, path, operation } of answering) {
      const filled = path.replace(/\{\w+\}/g, 'ab');
      const queried = await ask(`${filled}?unknown=s3cret`, { method, ...(operation.requestBody && { raw: '{}' }) });
      expect([400, 404], `${method} ${path}`).toContain(queried.status);
      expect(queried.text).not.toContain('s3cret');
      if (!operation.requestBody) continue;
      const sent = await ask(filled, { method, body: { unknown: 's3cret', account: { deep: 's3cret' } } });
      expect([sent.status, sent.text.includes('s3cret')], `${method} ${path}`).toEqual([400, false]);
    }
  });

  let shared: Promise<DashboardRig> | undefined;
  fuzz(
    'made from the schemas are answered as documented: never with 500, never without bounds',
    fc.constantFrom(...answering).chain(requests),
    async ({ method, path, raw }) => {
      shared ??= hostileRig();
      const { ask } = await shared;
      const { status, text } = await ask(path, { method, ...(raw !== undefined && { raw }) });
      expect(status, `${method} ${path} ${raw}`).toBeLessThan(500);
      expect(text.length).toBeLessThan(1_000_000);
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    },
    150,
  );
});
