import { describe, expect, it } from 'vitest';
import { commonCauses, type ToldFinding } from '../../src/check/causes.ts';
import { type ErrorCode, type ErrorDetails, MailhaulError } from '../../src/ground/errors.ts';

const finding = (id: string, code: ErrorCode, details: ErrorDetails, remedy = 'Do it.', count = 1): ToldFinding => ({
  id,
  error: new MailhaulError(code, details),
  count,
  remedy,
});

const refused = (id: string, reply: string, host = 'pop.test') =>
  finding(id, 'credentials-refused', { host, port: 995, user: `${id}@x.test`, reply });

describe('common causes', () => {
  it('are one for all accounts that a server refuses in the same words, and name none of them', () => {
    const causes = commonCauses([
      refused('ann', '-ERR [AUTH] no such user ann@x.test (session 1a2b3c)'),
      refused('bob', '-ERR [AUTH] no such user bob@x.test (session 9f8e7d)'),
    ]);
    expect(causes).toHaveLength(1);
    expect(causes[0]).toMatchObject({ ids: ['ann', 'bob'], count: 2, remedy: 'Do it.' });
    expect(causes[0]!.error.message).toMatch(/pop\.test refuses .* of each of these users:/);
  });

  it('are told apart by host, words and remedy', () => {
    const causes = commonCauses([
      refused('a', '-ERR no'),
      refused('b', '-ERR no', 'other.test'),
      refused('c', '-ERR never'),
      { ...refused('d', '-ERR no'), remedy: 'Do something else.' },
    ]);
    expect(causes.map(({ ids }) => ids)).toEqual([['a'], ['b'], ['c'], ['d']]);
  });

  it('keep the text of a single account', () => {
    expect(commonCauses([refused('ann', '-ERR no')])[0]!.error.message).toContain('ann@x.test');
  });

  it('add up messages, and say where sizes differ', () => {
    const big = (id: string, count: number, largest: string) =>
      finding(id, 'messages-too-big', { host: 'h', user: id, count, limit: '35 MB', largest }, 'Do it.', count);
    const [cause, ...others] = commonCauses([big('a', 2, '40 MB'), big('b', 3, '50 MB')]);
    expect(others).toEqual([]);
    expect(cause!.count).toBe(5);
    expect(cause!.error.message).toMatch(/^5 message\(s\) are larger than the 35 MB .* 40 MB \(others differ\)$/);
  });

  it('begin with what stops most, and most accounts', () => {
    const causes = commonCauses([
      finding('a', 'uidl-missing', { host: 'h' }),
      refused('a', '-ERR no'),
      finding('a', 'source-expires', { host: 'h' }),
      finding('a', 'host-unknown', { host: 'x' }),
      finding('a', 'host-unknown', { host: 'y' }),
      finding('b', 'host-unknown', { host: 'y' }),
    ]);
    expect(causes.map(({ error }) => [error.code, error.details['host']])).toEqual([
      ['host-unknown', 'y'],
      ['host-unknown', 'x'],
      ['credentials-refused', 'pop.test'],
      ['source-expires', 'h'],
      ['uidl-missing', 'h'],
    ]);
  });

  it('name an account once that has the same on both sides', () => {
    const both = [
      finding('a', 'host-unknown', { host: 'h', port: 995 }),
      finding('a', 'host-unknown', { host: 'h', port: 993 }),
    ];
    expect(commonCauses(both)).toMatchObject([{ ids: ['a'] }]);
  });
});
