import { describe, expect, it } from 'vitest';
import { DroppedFlags } from '../../src/append/lasting-flags.ts';
import { mainTarget } from '../../src/append/target.ts';
import { readProblems } from '../../src/ledger/problems.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const account = 'e'.repeat(32);
const flagged = (...flags: string[]) => ({ placement: { target: mainTarget, internalDate: undefined, flags } });
const noted = async () => {
  const [problem] = (await readProblems(redis.client, account)).filter(({ code }) => code === 'flags-dropped');
  return problem && { stops: problem.stops, count: problem.count, text: problem.text };
};

describe('a message keeps of its flags', () => {
  const flags = ['\\Seen', '\\Flagged', 'Work'];

  it.each([
    [['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft', '\\*'], flags],
    [['\\SEEN', '\\flagged', 'work'], flags],
    [
      ['\\Seen', '\\*'],
      ['\\Seen', 'Work'],
    ],
    [
      ['\\Seen', '\\Flagged'],
      ['\\Seen', '\\Flagged'],
    ],
    [['\\*'], flags],
    [['\\*', 'Other'], flags],
    [['Work'], ['Work']],
    [[], []],
  ])('those that last where PERMANENTFLAGS are %j', (permanent, kept) => {
    expect(new DroppedFlags().in('INBOX', permanent).of(flagged(...flags))).toEqual(kept);
  });
});

describe('never sent', () => {
  it.each([[['\\Deleted', '\\Seen', '\\*']], [['\\*']]])(
    'are \\Deleted and \\Recent, also where PERMANENTFLAGS are %j',
    (permanent) => {
      const message = flagged('\\Seen', '\\DELETED', '\\Recent');
      expect(new DroppedFlags().in('INBOX', permanent).of(message)).toEqual(['\\Seen']);
    },
  );

  it('is one flag twice', () => {
    expect(new DroppedFlags().in('INBOX', ['\\*']).of(flagged('Work', '\\seen', 'work', '\\Seen'))).toEqual([
      'Work',
      '\\seen',
    ]);
  });
});

describe('flags that are dropped', () => {
  it('are told once a run, with all messages that lost some', async () => {
    const first = new DroppedFlags();
    await first.note(redis.client, account);
    expect(await noted()).toBeUndefined();
    const inbox = first.in('INBOX', ['\\Seen']);
    const message = flagged('\\Seen', '\\Flagged');
    // A command that is cut in two is put together again of the same messages.
    for (const one of [message, flagged('\\Seen'), message, flagged('Work')]) inbox.of(one);
    await first.note(redis.client, account);
    expect(await noted()).toMatchObject({ stops: 'none', count: 2 });
    first.in('Sent', []).of(flagged('\\Seen'));
    await first.note(redis.client, account);
    expect(await noted()).toMatchObject({
      count: 3,
      text: expect.stringContaining('INBOX: \\Flagged Work; Sent: \\Seen') as string,
    });
    const second = new DroppedFlags();
    second.in('INBOX', []).of(flagged('\\Seen'));
    await second.note(redis.client, account);
    expect(await noted()).toMatchObject({ count: 4 });
  });

  it('are named up to ten to a mailbox, and ten mailboxes', async () => {
    const dropped = new DroppedFlags();
    for (let m = 0; m < 20; m++) for (let f = 0; f < 20; f++) dropped.in(`box${m}`, []).of(flagged(`flag${f}`));
    await dropped.note(redis.client, account);
    const { text } = (await noted())!;
    expect(text.match(/box\d+:/g)).toHaveLength(10);
    expect(text.match(/flag\d+/g)).toHaveLength(100);
    expect(text).toContain('…');
  });
});
