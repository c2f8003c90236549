import { describe, expect, it } from 'vitest';
import {
  choiceText,
  chosenCount,
  isChosen,
  meant,
  noChoice,
  toggled,
  wholeChoice,
} from '../../../src/dashboard/web/choice.ts';
import { accountHref, everyAccount, isFiltered, listHref, readRoute } from '../../../src/dashboard/web/route.ts';

describe('the address', () => {
  it.each(['', '#', '#/'])('%s is the overview', (hash) => {
    expect(readRoute(hash)).toEqual({ page: 'overview' });
  });

  it('names an account whatever its id is', () => {
    for (const id of ['alice', 'a/b?c#d%', '..', 'ü ⟨x⟩', '100%']) {
      expect(readRoute(accountHref(id))).toEqual({ page: 'account', id });
    }
    expect(readRoute('#/accounts/100%')).toEqual({ page: 'account', id: '100%' });
  });

  it('holds what the list shows', () => {
    const query = {
      ...everyAccount,
      search: 'a & b=c',
      state: 'failed',
      group: 'wave 1',
      needsPerson: true,
      sort: 'pending',
      order: 'desc',
    } as const;
    expect(readRoute(listHref(query))).toEqual({ page: 'accounts', query });
    expect(listHref({})).toBe('#/accounts');
    expect([isFiltered(query), isFiltered({ ...everyAccount, sort: 'listed' })]).toEqual([true, false]);
  });

  it('falls back to what there is', () => {
    const query = { ...everyAccount, search: 'x'.repeat(200) };
    expect(readRoute(`#/accounts?sort=evil&order=up&search=${'x'.repeat(300)}`)).toEqual({ page: 'accounts', query });
    expect(readRoute('#/nowhere')).toEqual({ page: 'unknown' });
  });
});

describe('a choice of accounts', () => {
  it('is some by their ids', () => {
    const choice = toggled(toggled(noChoice, 'a'), 'b');
    expect([isChosen(choice, 'a'), isChosen(choice, 'c'), chosenCount(choice, 10)]).toEqual([true, false, 2]);
    expect(meant(choice, everyAccount)).toEqual({ account: ['a', 'b'] });
    expect(chosenCount(toggled(choice, 'a'), 10)).toBe(1);
    expect([choiceText(choice, everyAccount, 10), choiceText(toggled(noChoice, 'a'), everyAccount, 10)]).toEqual([
      '2 accounts',
      'account a',
    ]);
  });

  it('is everything found, but for some', () => {
    const choice = toggled(wholeChoice, 'a');
    expect([isChosen(choice, 'a'), isChosen(choice, 'c'), chosenCount(choice, 10)]).toEqual([false, true, 9]);
    expect(meant(choice, everyAccount)).toEqual({ filter: everyAccount, except: new Set(['a']) });
  });

  it('is all or a group where the filter is just that, so that a pause holds what comes later', () => {
    const group = { ...everyAccount, group: 'wave-1', sort: 'pending' } as const;
    expect(meant(wholeChoice, { ...everyAccount, order: 'desc' })).toEqual({ all: true });
    expect(meant(wholeChoice, group)).toEqual({ group: 'wave-1' });
    const narrower = { ...group, state: 'failed' };
    expect(meant(wholeChoice, narrower)).toEqual({ filter: narrower, except: new Set() });
  });
});
