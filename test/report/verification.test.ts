import { describe, expect, it } from 'vitest';
import { noTotals } from '../../src/ledger/standing.ts';
import { buildFullReport } from '../../src/report/full-report.ts';
import { proofOf, recordsOf, type VerificationRecord } from '../../src/report/verification.ts';
import { verificationWords } from '../../src/report/verification-words.ts';
import { plainHead, plainRun, standingOf } from './made-standings.ts';

const record = (more: Partial<VerificationRecord> = {}): VerificationRecord => ({
  startedAt: '2026-03-01T21:00:00.000Z',
  finishedAt: '2026-03-01T21:01:00.000Z',
  by: '1.2.3',
  depth: 'headers',
  state: 'complete',
  verdicts: { present: 5 },
  problems: [],
  delivered: 5,
  ...more,
});
const { delivered: _, ...fromElsewhere } = record();

const ann = standingOf('ann', { run: { listed: 5, appended: 5 } });
const bob = standingOf('bob', { run: { listed: 5, appended: 5 } });

describe('the proof of an account', () => {
  it.each([
    ['none', undefined],
    ['proved', record()],
    ['stale', record({ delivered: 4 })],
    // Redis was flushed.
    ['stale', record({ delivered: 9 })],
    ['faulty', record({ state: 'incomplete' })],
    ['faulty', record({ state: 'incomplete', delivered: 4 })],
    ['proved', fromElsewhere],
    ['stale', { ...fromElsewhere, startedAt: '2026-03-01T19:59:59.000Z' }],
  ])('is %s', (state, given) => {
    expect(proofOf(ann, given).state).toBe(state);
  });

  const later = { listed: 9, known: 5, finishedAt: Date.parse('2026-03-01T23:00:00Z') };
  it.each([
    ['refused', { ...later, refused: 4, state: 'incomplete' }],
    ['failed', { ...later, failed: 4, state: 'incomplete' }],
    ['not fetched yet', { ...later, finishedAt: 0, state: 'running' }],
  ] as const)('is stale where new mail was listed since and is %s', (_, run) => {
    const totals = { ...noTotals, appended: 5 };
    expect(proofOf({ ...standingOf('ann', { run }), totals }, record()).state).toBe('stale');
  });

  it('is stale where a run since found less than the one before it could not deliver', () => {
    const totals = { ...noTotals, appended: 5 };
    const run = { finishedAt: later.finishedAt, state: 'failed' } as const;
    expect(proofOf({ ...standingOf('ann', { run, refused: 4 }), totals }, record()).state).toBe('stale');
    expect(proofOf({ ...standingOf('ann', { run, owed: 1 }), totals }, record()).state).toBe('stale');
    const left = { ...standingOf('ann', { run }), totals };
    const ofEarlier = (finishedAt: number) =>
      proofOf({ ...left, listedBefore: { finishedAt, pending: 3 } }, record()).state;
    expect([ofEarlier(later.finishedAt - 1), ofEarlier(plainRun.finishedAt)]).toEqual(['stale', 'proved']);
    // The old server is off: nothing is known to be missing.
    expect(proofOf({ ...standingOf('ann', { run }), totals }, record()).state).toBe('proved');
  });

  it('is stale where the run that went on meanwhile is not known to have brought nothing', () => {
    const startedAt = '2026-03-01T20:05:00.000Z';
    expect(proofOf(ann, { ...fromElsewhere, startedAt }).state).toBe('stale');
    expect(proofOf(standingOf('ann', { run: { finishedAt: 0 } }), fromElsewhere).state).toBe('stale');
  });
});

describe('the verification of a report', () => {
  const words = (records: readonly (readonly [string, VerificationRecord])[]) => {
    const { verification, groups } = buildFullReport(plainHead, [ann, bob], new Map(records));
    return { ...verificationWords(verification), verdict: verification.verdict, proved: groups[0]!.proved };
  };
  const both = (a: VerificationRecord, b: VerificationRecord) =>
    [
      ['key of ann', a],
      ['key of bob', b],
    ] as const;

  it('says that there is none', () => {
    expect(words([])).toMatchObject({
      verdict: 'none',
      proved: 0,
      headline: expect.stringMatching(/^Not verified/),
      proves: [],
    });
  });

  it('says that all is proved, by what, and what it does not prove', () => {
    const said = words(both(record({ depth: 'content' }), record()));
    expect(said).toMatchObject({
      verdict: 'proved',
      proved: 2,
      headline: expect.stringMatching(/^Proved: all 2 account/),
    });
    expect(said.proves).toEqual([
      expect.stringMatching(/^1 account.*content of every/),
      expect.stringMatching(/^1 account.*header and size;/),
    ]);
    expect(said.provesNot.join(' ')).toContain('neither headers nor sizes');
    expect(said.found.join(' ')).toContain('present 10');
    const deep = words(both(record({ depth: 'content' }), record({ depth: 'content' })));
    expect(deep.provesNot.join(' ')).not.toContain('neither headers nor sizes');
  });

  it('says how many of them are proved, and what became of the others', () => {
    const part = words([['key of ann', record()]]);
    expect(part).toMatchObject({ verdict: 'partly', headline: 'Proved in part: 1 of 2 account(s) proved.' });
    expect(part.found.join(' ')).toContain('1 account(s) were not verified');
    const stale = words(both(record(), record({ delivered: 1 })));
    expect(stale).toMatchObject({ verdict: 'partly', proved: 1 });
    expect(stale.found.join(' ')).toContain('1 account(s) had more listed or delivered since');
    expect(stale.proves).toEqual([expect.stringMatching(/^1 account/)]);
  });

  it('says that failures were found before anything else', () => {
    const said = words(both(record(), record({ state: 'incomplete', depth: 'content' })));
    expect(said).toMatchObject({
      verdict: 'faulty',
      headline: expect.stringMatching(/^Not proved: failures were found in 1/),
    });
    // What was looked at deeply and is not whole proves nothing.
    expect(said.proves).toEqual([expect.stringMatching(/^1 account.*header and size;/)]);
  });
});

describe('the document of verify --json', () => {
  it('gives a record for each account that could be looked at', () => {
    const sample = { size: '5%', seed: 7, accounts: { ann: { compared: 1, of: 20 } } };
    const run = { startedAt: '2026-03-01T21:00:00.000Z', finishedAt: '2026-03-01T21:01:00.000Z', sample };
    const account = (id: string, state: 'complete' | 'incomplete' | 'failed') => ({ id, state, problems: [] });
    const accounts = [account('ann', 'complete'), account('bob', 'incomplete'), account('cyd', 'failed')];
    const records = recordsOf({ run, accounts });
    expect([...records.keys()]).toEqual(['ann', 'bob']);
    expect(records.get('ann')).toMatchObject({
      depth: 'sample',
      sample: { size: '5%', seed: 7, compared: 1, of: 20 },
      state: 'complete',
    });
    expect(records.get('bob')).toMatchObject({ depth: 'unknown', state: 'incomplete' });
  });
});
