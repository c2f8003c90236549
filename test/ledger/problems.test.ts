import { expect, it } from 'vitest';
import { addProblem, readProblems } from '../../src/ledger/problems.ts';
import { useRedis } from './redis-rig.ts';

const redis = useRedis();
const account = 'b'.repeat(32);

it('a problem that is counted misses none of those that come at once', async () => {
  const { client } = redis;
  const details = { host: 'imap.example', reply: 'NO {count} "of" all', repair: 'nul' };
  await Promise.all(Array.from({ length: 20 }, () => addProblem(client, account, 'message-repaired', details)));
  await addProblem(client, account, 'message-repaired', details, 2);
  const [problem] = await readProblems(client, account);
  expect(problem).toMatchObject({ code: 'message-repaired', count: 22 });
  expect(problem!.text).toContain('NO {count} "of" all');
});
