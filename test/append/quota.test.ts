import { describe, expect, it } from 'vitest';
import { Quotas } from '../../src/append/quota.ts';
import type { Quota } from '../../src/imap/mailbox-quota.ts';

const unit = 1024;
const quota = (usedBytes: number, limitBytes: number, root = ''): Quota => ({ root, usedBytes, limitBytes });

/** Quotas that a server tells of its mailboxes, which may change between two looks. */
function rig(told: Record<string, Quota[]>) {
  const asked: string[] = [];
  const answered: number[] = [];
  const quotas = new Quotas(async (path) => {
    asked.push(path);
    return told[path] ?? [];
  });
  for (const path of Object.keys(told)) quotas.open(path);
  const admit = (path: string, ...sizes: number[]) =>
    quotas.admit(path, sizes, async () => void answered.push(asked.length));
  return { told, asked, answered, quotas, admit };
}

describe('what fits', () => {
  it('is counted without another question as long as nothing is near the limit', async () => {
    const { admit, asked } = rig({ INBOX: [quota(0, 100 * unit)] });
    for (let n = 0; n < 9; n += 1) expect(await admit('INBOX', 5 * unit, 5 * unit)).toBe(2);
    expect(asked).toEqual(['INBOX']);
  });

  it('is looked at again, with every answer there, before anything is held back', async () => {
    const { admit, asked, answered, told } = rig({ INBOX: [quota(0, 100 * unit)] });
    expect(await admit('INBOX', 90 * unit)).toBe(1);
    told['INBOX'] = [quota(50 * unit, 100 * unit)];
    expect(await admit('INBOX', 20 * unit, 20 * unit)).toBe(2);
    expect([asked.length, answered]).toEqual([2, [1]]);
    told['INBOX'] = [quota(90 * unit, 100 * unit)];
    expect(await admit('INBOX', 4 * unit, 4 * unit, 4 * unit, 1)).toBe(2);
  });

  it('may reach into the unit that the server rounds to', async () => {
    const { admit } = rig({ INBOX: [quota(99 * unit, 100 * unit)] });
    expect(await admit('INBOX', 2 * unit - 1)).toBe(1);
    expect(await admit('INBOX', 2 * unit)).toBe(0);
  });

  it('counts against a root that two mailboxes share, and not against that of a third', async () => {
    const { admit } = rig({
      INBOX: [quota(0, 10 * unit, 'user')],
      Sent: [quota(0, 10 * unit, 'user')],
      Shared: [quota(0, 10 * unit, 'other')],
    });
    expect(await admit('INBOX', 8 * unit)).toBe(1);
    expect(await admit('Shared', 8 * unit)).toBe(1);
    const { admit: again } = rig({
      INBOX: [quota(8 * unit, 10 * unit, 'user')],
      Sent: [quota(8 * unit, 10 * unit, 'user')],
    });
    expect(await again('Sent', 8 * unit)).toBe(0);
  });

  it('what was sent to one mailbox is not forgotten when the root is read for another', async () => {
    const { quotas, admit, told, answered } = rig({ INBOX: [quota(0, 10 * unit, 'user')] });
    expect(await admit('INBOX', 8 * unit)).toBe(1);
    told['Sent'] = [quota(0, 10 * unit, 'user')];
    quotas.open('Sent');
    told['Sent'] = [quota(8 * unit, 10 * unit, 'user')];
    expect(await admit('Sent', 8 * unit)).toBe(0);
    expect(answered).toHaveLength(1);
  });

  it('is the least that any of several roots leaves, in bytes or in messages', async () => {
    const messages: Quota = { root: 'm', usedBytes: 0, limitBytes: 0, usedMessages: 7, limitMessages: 9 };
    const { admit, quotas } = rig({ INBOX: [quota(0, 10 * unit), messages] });
    expect(await admit('INBOX', unit, unit, unit)).toBe(2);
    expect(await quotas.text('INBOX')).toBe('0 bytes of 10.24 kB are used, 7 of 9 messages are used');
    expect(await quotas.largest('INBOX')).toBe(10 * unit);
  });

  it('is everything where no limit is told: none asked for, none given, 0, or no answer', async () => {
    const silent = new Quotas(undefined);
    const failing = new Quotas(() => Promise.reject(new Error('gone')));
    const { quotas } = rig({ INBOX: [quota(5, 0)] });
    for (const one of [silent, failing, quotas]) {
      one.open('INBOX');
      expect(await one.admit('INBOX', [1e15], () => Promise.reject(new Error('not needed')))).toBe(1);
      expect([await one.largest('INBOX'), await one.text('INBOX')]).toEqual([Number.POSITIVE_INFINITY, '']);
    }
  });

  it('lets nobody else have the connection while it is read', async () => {
    let tell = (_: Quota[]) => {};
    const quotas = new Quotas(() => new Promise<Quota[]>((resolve) => (tell = resolve)));
    quotas.open('INBOX');
    let quiet = false;
    const waiting = quotas.quiet().then(() => (quiet = true));
    await new Promise((resume) => setImmediate(resume));
    expect(quiet).toBe(false);
    tell([]);
    await waiting;
  });
});
