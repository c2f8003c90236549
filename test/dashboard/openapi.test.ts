import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/ground/package-root.ts';
import type { Live } from '../../src/operations/live.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { accountOf, openRig } from './dashboard-rig.ts';
import { bodyFaults, documentedPath, writtenDocument } from './documented.ts';

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

describe('docs/api.md', () => {
  const page = readFileSync(join(packageRoot(), 'docs', 'api.md'), 'utf8');
  const calls = [...page.matchAll(/^ *(?:.*\| *)?curl (.*)$/gm)].map(([, call]) => call!);

  it('has examples of routes that are there, with bodies and queries that they take', () => {
    for (const call of calls) {
      const address = /"?\$URL(\/api\/[^\s"]+)"?/.exec(call)![1]!;
      const json = /--json '(.*)'/.exec(call)?.[1];
      const method = /-X (\w+)/.exec(call)?.[1] ?? (call.includes('--json') ? 'POST' : 'GET');
      const path = documentedPath(method, address);
      expect(path, `${method} ${address}`).toBeDefined();
      const { parameters = [], requestBody } = writtenDocument.paths[path!]![method.toLowerCase()]!;
      const known = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
      for (const name of new URL(address, 'http://x').searchParams.keys()) expect(known, address).toContain(name);
      expect(requestBody !== undefined, call).toBe(call.includes('--json'));
      if (json !== undefined) expect(bodyFaults(path!, JSON.parse(json)), call).toBe('');
    }
    expect(calls.length).toBeGreaterThan(25);
  });

  it('shows each kind of task, each deed, and how to page, watch and export', () => {
    const shown = calls.join('\n');
    const kinds = ['check', 'verify', 'dry-run', 'discover', 'authorize'].map((kind) => `"kind": "${kind}"`);
    const paths = ['pause', 'resume', 'retry', 'run', 'accept', 'accounts/import', 'events', 'report'];
    for (const word of [...kinds, ...paths.map((path) => `/api/${path}`), '&after=', '/export/messages']) {
      expect(shown).toContain(word);
    }
  });
});
