import { describe, expect, it } from 'vitest';
import {
  type Asked,
  type Compared,
  faultAmong,
  judge,
  proofAmong,
  type SameContent,
  type Shown,
  surplus,
} from '../../src/verify/verdict.ts';

const asked: Asked = {
  outcome: 'appended',
  size: 1000,
  hasFingerprint: true,
  hasMessageId: true,
  alone: true,
  spooled: false,
};
const nothing: Shown = { recorded: undefined, elsewhere: [] };
const atUid = (size = 1000, alike = true): Shown => ({ recorded: { size, alike }, elsewhere: [] });
const elsewhere = (...sizes: number[]): Shown => ({ recorded: undefined, elsewhere: sizes });

type Judged = [string, Partial<Asked>, Shown, ReturnType<typeof judge>];

const judgements: Judged[] = [
  ['finds it at its UID', {}, atUid(), 'present'],
  ['lets a final line end pass', {}, atUid(998), 'present'],
  ['compares another size', {}, atUid(1003), 'compare'],
  ['compares a smaller one', {}, atUid(997), 'compare'],
  ['lets the twin of a duplicate have another size', { outcome: 'duplicate' }, atUid(1300), 'present'],
  ['needs no Message-ID at its UID', { hasMessageId: false, alone: false }, atUid(), 'present'],
  ['compares another message at its UID', {}, atUid(1000, false), 'compare'],
  ['takes what is at its UID when there is no header to ask', { hasFingerprint: false }, atUid(1000, false), 'present'],
  ['compares its size even then', { hasFingerprint: false }, atUid(1010, false), 'compare'],
  ['finds it elsewhere', {}, elsewhere(1000), 'moved'],
  ['finds it elsewhere though another took its UID', {}, { ...atUid(5, false), elsewhere: [1000] }, 'moved'],
  ['compares another size elsewhere', {}, elsewhere(1100), 'compare'],
  ['compares where two are like it', {}, elsewhere(1000, 1000), 'compare'],
  ['compares where two of the source are alike', { alone: false }, elsewhere(1000), 'compare'],
  ['compares without a Message-ID', { hasMessageId: false }, elsewhere(1000), 'compare'],
  ['misses what is nowhere', {}, nothing, 'missing'],
  ['misses what is nowhere and gone from the source', { hasFingerprint: false }, nothing, 'missing'],
  ['leaves the refused alone', { outcome: 'refused' }, elsewhere(1000), 'refused'],
  ['leaves the accepted alone', { outcome: 'accepted' }, nothing, 'accepted'],
  ['leaves the vanished alone', { outcome: 'vanished' }, nothing, 'vanished'],
  ['calls unknown mail pending', { outcome: undefined }, nothing, 'pending'],
  ['calls spooled mail pending', { outcome: undefined, spooled: true }, elsewhere(1000), 'pending'],
  ['finds what the ledger lacks', { outcome: undefined }, elsewhere(1300), 'unrecorded'],
  ['compares what it may lack', { outcome: undefined, alone: false }, elsewhere(1000), 'compare'],
  ['compares it without a Message-ID', { outcome: undefined, hasMessageId: false }, elsewhere(1000), 'compare'],
];

describe('headers, UIDs and sizes', () => {
  it.each(judgements)('%s', (_, more, shown, expected) => {
    expect(judge({ ...asked, ...more }, shown)).toBe(expected);
  });
});

const one = (equal: Compared['equal'], more: Partial<Compared> = {}): Compared => ({
  recorded: false,
  alike: true,
  free: true,
  equal,
  ...more,
});
const there = { recorded: true } as const;
const foreign = { recorded: true, alike: false } as const;
const taken = { free: false } as const;

type Concluded = [string, boolean, Compared[], string, number];

const conclusions: Concluded[] = [
  ['proves it at its UID', true, [one('all', there)], 'present', 0],
  ['proves it at its UID with a changed header', true, [one('body', there)], 'present', 0],
  ['prefers what is wholly equal', true, [one('body', there), one('all')], 'moved', 1],
  ['proves it elsewhere', true, [one('nothing', there), one('body')], 'moved', 1],
  ['proves it though another is its twin too', true, [one('all', taken)], 'moved', 0],
  ['proves it without a header to ask', true, [one('all', foreign)], 'present', 0],
  ['finds unknown mail', false, [one('body')], 'unrecorded', 0],
  ['sees another content', true, [one('nothing', there)], 'altered', 0],
  ['sees another content elsewhere', true, [one('nothing')], 'altered', 0],
  ['sees other names over the same body', true, [one('body', foreign)], 'altered', 0],
  ['does not call another message altered', true, [one('nothing', taken)], 'missing', -1],
  ['passes over another message for the altered one', true, [one('nothing', taken), one('nothing')], 'altered', 1],
  ['does not take a foreign message for it', true, [one('nothing', foreign)], 'missing', -1],
  ['cannot prove without an original', true, [one('unknown', foreign)], 'unproven', 0],
  ['does not use the twin of another for that', true, [one('unknown', { ...foreign, ...taken })], 'missing', -1],
  ['misses what has no candidates left', true, [], 'missing', -1],
  ['leaves unknown mail pending', false, [one('nothing')], 'pending', -1],
];

describe('content', () => {
  it.each(conclusions)('%s', (_, known, candidates, verdict, choice) => {
    const conclusion = proofAmong(known, candidates) ?? faultAmong(known, true, candidates);
    expect(conclusion).toEqual({ verdict, choice });
  });

  it('calls mail without a Message-ID altered at its UID only', () => {
    expect(faultAmong(true, false, [one('nothing')])).toEqual({ verdict: 'missing', choice: -1 });
    expect(faultAmong(true, false, [one('nothing', there)])).toEqual({ verdict: 'altered', choice: 0 });
  });
});

const twin = { own: true, claimed: true };
const copy = { own: true, claimed: false };
const view = { own: false, claimed: false };

const groups: [string, SameContent, number[]][] = [
  ['a message and its copy', { claims: 1, messages: [twin, copy] }, [1]],
  ['a copy that came first', { claims: 1, messages: [copy, twin] }, [0]],
  ['two copies', { claims: 1, messages: [twin, copy, copy] }, [1, 2]],
  ['as many as the source has', { claims: 2, messages: [twin, copy] }, []],
  ['one more than the source has', { claims: 2, messages: [twin, copy, copy] }, [2]],
  ['mail that is nobody’s twin', { claims: 0, messages: [copy, copy] }, []],
  ['a mailbox that shows all mail once more', { claims: 1, messages: [twin, view] }, []],
  ['mail that is only there', { claims: 1, messages: [{ own: false, claimed: true }, copy] }, []],
];

describe('too many', () => {
  it.each(groups)('%s', (_, group, places) => {
    expect(surplus(group)).toEqual(places);
  });
});
