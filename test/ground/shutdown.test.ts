import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Closers, Interrupted, onInterrupt } from '../../src/ground/shutdown.ts';

describe('what was opened', () => {
  it('is closed in the opposite order, one after the other', async () => {
    const closers = new Closers();
    const closed: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      closers.push(async () => {
        await Promise.resolve();
        closed.push(name);
      });
    }
    await closers.close();
    expect(closed).toEqual(['third', 'second', 'first']);
  });

  it('is all closed when closing one fails; the first error is told', async () => {
    const closers = new Closers();
    const closed: string[] = [];
    closers.push(() => void closed.push('first'));
    closers.push(() => {
      throw new Error('second');
    });
    closers.push(async () => {
      throw new Error('third');
    });
    await expect(closers.close()).rejects.toThrow('third');
    expect(closed).toEqual(['first']);
  });

  it('is closed once', async () => {
    const closers = new Closers();
    let times = 0;
    closers.push(() => {
      times += 1;
    });
    await closers.close();
    await closers.close();
    expect(times).toBe(1);
  });
});

describe('an interruption', () => {
  function listen() {
    const insisted: number[] = [];
    const interrupt = onInterrupt(() => insisted.push(1));
    onTestFinished(() => interrupt.stop());
    return { ...interrupt, insisted };
  }

  async function send(name: NodeJS.Signals): Promise<void> {
    const arrived = once(process, name);
    process.kill(process.pid, name);
    await arrived;
  }

  it.each(['SIGINT', 'SIGTERM'] as const)('is asked for by %s', async (name) => {
    const { signal, insisted } = listen();
    await send(name);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(Interrupted);
    expect(insisted).toEqual([]);
  });

  it('is insisted on by the second signal, whichever it is', async () => {
    const { insisted } = listen();
    await send('SIGTERM');
    await send('SIGINT');
    expect(insisted).toEqual([1]);
  });

  it('leaves the process as it was when it is no longer listened for', () => {
    const before = process.listenerCount('SIGINT') + process.listenerCount('SIGTERM');
    listen().stop();
    expect(process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')).toBe(before);
  });
});
