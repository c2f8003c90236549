import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/ground/package-root.ts';
import type { Live } from '../../src/operations/live.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { accountOf, openRig } from './dashboard-rig.ts';
import { writtenDocument } from './documented.ts';

const redis = useRedis();

const live: Live = { subscribe: () => () => {} };
const rig = async () => openRig(await redis.another(), [accountOf('ann')], { parts: { live } });

describe('the OpenAPI document', () => {
  it('stands in docs/openapi.json as the service gives it (npm run docs)', async () => {
    const { ask } = await rig();
    const { json, status } = await ask('/api/openapi.json');
    expect(status).toBe(200);
    expect(readFileSync(join(packageRoot(), 'docs', 'openapi.json'), 'utf8')).toBe(
      `${JSON.stringify(json, null, 2)}\n`,
    );
    expect(writtenDocument.openapi).toBe('3.1.0');
    expect((await ask('/api/openapi.json', { token: null })).status).toBe(401);
  });

  it('has every route below /api, and no other', async () => {
    const { dashboard } = await rig();
    const routes = dashboard.routes.filter((route) => / \/api\//.test(route) && !/^(HEAD|OPTIONS) /.test(route));
    const documented = Object.entries(writtenDocument.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(documented.sort()).toEqual(routes.sort());
    expect(routes.length).toBeGreaterThan(12);
  });

  it('says of every route what it is, who may ask, and how errors look', () => {
    for (const [path, operations] of Object.entries(writtenDocument.paths)) {
      for (const [method, { summary, security, responses, parameters = [] }] of Object.entries(operations)) {
        const of = `${method} ${path}`;
        expect(summary, of).toMatch(/^[A-Z].*[^.]$/);
        const csrf = method === 'get' ? {} : { csrf: [] };
        expect(security, of).toEqual([{ token: [] }, { session: [], ...csrf }]);
        expect(responses['default']!.content?.['application/json'], of).toEqual({
          schema: { $ref: '#/components/schemas/Error' },
        });
        const named = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
        expect(named, of).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      }
    }
  });
});
