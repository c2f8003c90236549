import { expect, it } from 'vitest';
import { Queues } from '../../src/check/queue.ts';

it('does one thing after the other under one name, whatever becomes of them, and others at once', async () => {
  const queues = new Queues();
  const log: string[] = [];
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const work =
    (name: string, wait?: Promise<void>, fails = false) =>
    async () => {
      log.push(`${name} begins`);
      await wait;
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const first = queues.run('a', work('first', held, true));
  const second = queues.run('a', work('second'));
  expect(await queues.run('b', work('other'))).toBe('other');
  expect(log).toEqual(['first begins', 'other begins', 'other ends']);
  release();
  await expect(first).rejects.toThrow('first');
  expect(await second).toBe('second');
  expect(log.slice(3)).toEqual(['first ends', 'second begins', 'second ends']);
  expect(await queues.run('a', work('third'))).toBe('third');
});
