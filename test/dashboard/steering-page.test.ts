import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/ground/package-root.ts';
import { settingsSchema } from '../../src/ground/settings.ts';
import { deeds } from '../../src/operations/steer.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { openRig } from './dashboard-rig.ts';

const page = readFileSync(join(packageRoot(), 'docs', 'steering.md'), 'utf8');
const redis = useRedis();

/** The code names in the first cells of the table under a heading. */
function cells(heading: string): string[] {
  const part = page.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const rows = part.split('\n').flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
  return rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
}

describe('docs/steering.md', () => {
  it('lists requests that the API answers, and every deed', async () => {
    const { ask } = await openRig(await redis.another(), []);
    const requests = cells('API');
    expect(requests.length).toBeGreaterThan(8);
    for (const [method, path] of requests.map((request) => request.split(' '))) {
      const answer = await ask(path!, { method: method!, ...(method === 'POST' ? { body: {} } : {}) });
      // What is not there answers request-refused with 404; an unknown account has a code of its own.
      expect(answer.status === 404 ? answer.json['code'] : 'account-unknown').toBe('account-unknown');
    }
    for (const deed of Object.keys(deeds)) {
      expect(requests).toContain(`POST /api/${deed}`);
      expect(cells('Commands')).toContain(`mailhaul ${deed}`);
    }
  });

  it('names settings that there are', () => {
    const named = [...page.matchAll(/`([a-z]+(?:[A-Z][a-z]+)+)`/g)].map((match) => match[1]!);
    expect(named.length).toBeGreaterThan(4);
    for (const name of named) expect(Object.keys(settingsSchema.shape)).toContain(name);
  });
});
