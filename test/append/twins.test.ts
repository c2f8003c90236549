import { describe, expect, it } from 'vitest';
import { type Question, weigh } from '../../src/append/twins.ts';
import type { IndexRecord } from '../../src/ledger/index-shard.ts';

const me = 5;
const content = 77;
const asked: Question = { owner: me, content, hasMessageId: true, doubtFrom: undefined };
const record = (uid: number, owner: number, mark = owner === me ? content : owner * 11): IndexRecord => ({
  fingerprint: Buffer.alloc(9),
  uid,
  owner,
  content: mark,
});

const mine = record(20, me);
const mineUnderWay = record(0, me);
const free = record(10, 0);
const freeToo = record(11, 0);
const others = record(12, 6);
const othersUnderWay = record(0, 6);
/** An owner mark of 24 bits may be shared by chance; the content tells. */
const namesake = record(13, me, 1);

type Case = [string, readonly IndexRecord[], object];
const compare = (...candidates: IndexRecord[]) => ({ kind: 'compare', candidates });

const table: Case[] = [
  ['appends what nothing is like', [], { kind: 'append' }],
  ['takes what it appended itself, and whose record is missing', [mine], { kind: 'mine', record: mine }],
  ['takes its own before all others', [free, others, mine, othersUnderWay], { kind: 'mine', record: mine }],
  ['sends again what it had under way', [mineUnderWay], { kind: 'append' }],
  ['compares the content of what was there before', [free], compare(free)],
  ['compares each of several', [free, freeToo], compare(free, freeToo)],
  ['compares what is nobody’s first', [others, free, namesake, freeToo], compare(free, freeToo, others, namesake)],
  ['compares with the twin of another, which may be equal', [others], compare(others)],
  ['does not take a namesake of other content for its own', [namesake], compare(namesake)],
  ['waits for what another has under way', [othersUnderWay], { kind: 'wait' }],
  ['waits even where something could be compared', [free, othersUnderWay], { kind: 'wait' }],
  ['compares beside what it had under way itself', [mineUnderWay, free], compare(free)],
];

describe('a message whose fingerprint is asked for at the destination', () => {
  it.each(table)('%s', (_, records, verdict) => {
    expect(weigh(asked, records, 'confirmed')).toEqual(verdict);
    expect(weigh(asked, records, 'content')).toEqual(verdict);
  });
});

describe('with Message-ID alone', () => {
  const twin = (one: IndexRecord) => ({ kind: 'twin', record: one });
  const doubtful = { ...asked, doubtFrom: 11 };
  const byId: [string, Question, readonly IndexRecord[], object][] = [
    ['one with the same is the message', asked, [free], twin(free)],
    ['what is nobody’s comes first', asked, [others, free], twin(free)],
    ['another message’s will do', asked, [others], twin(others)],
    ['what it may have stored itself comes before all others', doubtful, [free, freeToo], twin(freeToo)],
    ['what it appended is its own', asked, [free, mine], { kind: 'mine', record: mine }],
    ['what is on its way is waited for', asked, [free, othersUnderWay], { kind: 'wait' }],
    ['a message without one is compared', { ...asked, hasMessageId: false }, [free], compare(free)],
  ];
  it.each(byId)('%s', (_, question, records, verdict) => {
    expect(weigh(question, records, 'message-id')).toEqual(verdict);
  });
});

describe('without twins', () => {
  const doubtful = { ...asked, doubtFrom: 11 };
  const off: [string, Question, readonly IndexRecord[], object][] = [
    ['nothing of others keeps a message away', asked, [free, others], { kind: 'append' }],
    ['nor what others have under way', asked, [othersUnderWay], { kind: 'append' }],
    ['what it appended is its own', asked, [free, mine], { kind: 'mine', record: mine }],
    ['what came after its unanswered APPEND is compared', doubtful, [free, freeToo, others], compare(freeToo)],
    ['what was there before it is not', doubtful, [free], { kind: 'append' }],
  ];
  it.each(off)('%s', (_, question, records, verdict) => {
    expect(weigh(question, records, 'off')).toEqual(verdict);
  });
});
