import { describe, expect, it } from 'vitest';
import { connectionFindings, fitFindings, type Place, sourceFindings } from '../../src/check/findings.ts';
import type { DestinationLook, SourceLook } from '../../src/check/look.ts';
import { daysLeft } from '../../src/check/tls.ts';
import type { Quota } from '../../src/imap/mailbox-quota.ts';

const place: Place = { host: 'h.test', port: 995, security: 'tls', user: 'ann' };
const dayMs = 86_400_000;

function source(more: Partial<SourceLook['incoming']> = {}, capabilities: Record<string, string> = {}): SourceLook {
  const incoming = {
    listed: 10,
    bytesListed: 1000,
    known: 0,
    refusedBefore: 0,
    messages: 10,
    bytes: 1000,
    largest: 500,
    anonymous: 0,
    renewed: false,
    largerThan: (bytes: number) => (bytes < 500 ? 2 : 0),
    bytesWithin: (limit?: number) => (limit !== undefined && limit < 500 ? 0 : (more.bytes ?? 1000)),
    ...more,
  };
  return { capabilities: new Map(Object.entries(capabilities)), hasUidl: true, incoming };
}

const destination = (more: Partial<DestinationLook> = {}): DestinationLook => ({
  capabilities: new Set(),
  appendLimit: undefined,
  quota: undefined,
  messages: 0,
  ...more,
});

const said = (findings: readonly { error: { code: string }; count: number }[]) =>
  findings.map(({ error, count }) => [error.code, count]);

describe('remarks on a connection', () => {
  const tls = (endsAt: number) => ({ protocol: 'TLSv1.3', name: 'h.test', issuer: 'x', endsAt });
  const codes = (days: number) =>
    connectionFindings(place, tls(1000 * dayMs), false, { now: (1000 - days) * dayMs, warnDays: 30 }).map(
      ({ code, details }) => [code, details['days'], details['date']],
    );

  it('are made of a certificate that ends soon', () => {
    expect(codes(31)).toEqual([]);
    expect(codes(30)).toEqual([['tls-ends-soon', 30, '1972-09-27']]);
    expect(codes(0.5)).toEqual([['tls-ends-soon', 0, '1972-09-27']]);
    expect(daysLeft(tls(0), 1)).toBe(-1);
  });

  it('are made of plain text only where the server offers better', () => {
    const plain = { ...place, security: 'none' } as const;
    const times = { now: 0, warnDays: 30 };
    expect(connectionFindings(plain, undefined, true, times).map(({ code }) => code)).toEqual(['tls-unused']);
    expect(connectionFindings(plain, undefined, false, times)).toEqual([]);
    expect(connectionFindings({ ...place, security: 'starttls' }, undefined, true, times)).toEqual([]);
  });
});

describe('what the source is judged by', () => {
  it('is nothing where all is well', () => {
    expect(said(sourceFindings(place, source({}, { EXPIRE: 'NEVER', UIDL: '' })))).toEqual([]);
  });

  it('is its unique ids', () => {
    expect(said(sourceFindings(place, { ...source(), hasUidl: false }))).toEqual([['uidl-missing', 1]]);
    expect(said(sourceFindings(place, { ...source({ listed: 0 }), hasUidl: false }))).toEqual([]);
    expect(said(sourceFindings(place, source({ anonymous: 3 })))).toEqual([['uidl-shared', 3]]);
    expect(said(sourceFindings(place, source({ renewed: true })))).toEqual([['uidl-renewed', 1]]);
  });

  it.each([
    ['0', [['source-expires', 10]]],
    ['0 USER', [['source-expires', 10]]],
    ['30', [['source-expires-later', 1]]],
    ['30 USER', [['source-expires-later', 1]]],
    ['NEVER', []],
    ['NEVER USER', []],
    ['', []],
  ])('is EXPIRE %s', (policy, expected) => {
    expect(said(sourceFindings(place, source({}, { EXPIRE: policy })))).toEqual(expected);
  });

  it('is a number of messages at which servers stop to list, unless they list the rest later', () => {
    expect(said(sourceFindings(place, source({ listed: 250 })))).toEqual([['source-ceiling', 1]]);
    expect(said(sourceFindings(place, source({ listed: 250 }), true))).toEqual([]);
    expect(said(sourceFindings(place, source({ listed: 251 })))).toEqual([]);
  });

  it('is LOGIN-DELAY', () => {
    const [finding] = sourceFindings(place, source({}, { 'LOGIN-DELAY': '900 USER' }));
    expect(finding!.error.message).toBe('h.test wants 900 s between two logins of a user');
    expect(said(sourceFindings(place, source({}, { 'LOGIN-DELAY': '0' })))).toEqual([]);
  });
});

describe('what is to come', () => {
  it('must fit the limit of a message', () => {
    expect(said(fitFindings(place, source(), destination({ appendLimit: 499 })))).toEqual([['messages-too-big', 2]]);
    expect(said(fitFindings(place, source(), destination({ appendLimit: 500 })))).toEqual([]);
    expect(said(fitFindings(place, source(), destination()))).toEqual([]);
  });

  it('must fit what the quota leaves', () => {
    const quota = (usedBytes: number, limitBytes: number) => ({ root: '', usedBytes, limitBytes });
    const held = (from: SourceLook, of: Quota) => said(fitFindings(place, from, destination({ quota: of })));
    expect(held(source(), quota(0, 1000))).toEqual([]);
    expect(held(source(), quota(1, 1000))).toEqual([['quota-too-small', 1]]);
    expect(held(source(), quota(5000, 1000))).toEqual([['quota-too-small', 1]]);
    expect(held(source({ bytes: 0 }), quota(5000, 1000))).toEqual([]);
    expect(held(source(), quota(5000, 0))).toEqual([]);
  });

  it('must fit what it leaves in messages', () => {
    const held = (freeMessages: number, limits = {}) =>
      fitFindings(place, source(), destination({ freeMessages, ...limits })).map(({ error }) => error.message);
    const { messages } = source().incoming;
    expect(held(messages)).toEqual([]);
    expect(held(messages - 1)).toEqual([expect.stringContaining(`${messages} message(s) will come to the mailbox`)]);
    expect(held(messages - 2, { appendLimit: 499 })).toHaveLength(1);
  });

  it('need not fit it with what is too large anyway', () => {
    const quota = { root: '', usedBytes: 900, limitBytes: 1000 };
    expect(said(fitFindings(place, source(), destination({ quota, appendLimit: 499 })))).toEqual([
      ['messages-too-big', 2],
    ]);
  });
});
