import { describe, expect, it } from 'vitest';
import { asMailhaulError, errorRow, errorRows, MailhaulError, printable } from '../../src/ground/errors.ts';

describe('the table of errors', () => {
  it.each(errorRows)('has a whole row for $code', ({ code, text, remedy, stops, retry, exit }) => {
    expect(code).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
    expect(text).not.toMatch(/\.$/);
    expect(remedy).toMatch(/\.$/);
    expect(['none', 'message', 'account', 'host', 'run']).toContain(stops);
    expect(['never', 'soon', 'next-run']).toContain(retry);
    if (exit !== undefined) expect([1, 2, 3, 10, 11, 12]).toContain(exit);
  });

  it('does not advise to run again where a run leaves what was refused alone', () => {
    const refusals = errorRows.filter(({ code }) => code === 'append-refused' || code === 'message-too-big');
    expect(refusals).toHaveLength(2);
    for (const { remedy } of refusals) {
      expect(remedy).toContain('mailhaul retry');
      expect(remedy).not.toContain('run again');
    }
  });

  it('gives what ends a command its status, and asks for no retry of what a person must mend', () => {
    expect(errorRow('credentials-refused')).toMatchObject({ exit: 12, retry: 'never' });
    expect(errorRow('settings-invalid')).toMatchObject({ exit: 10, retry: 'never' });
    expect(errorRow('account-busy')).toMatchObject({ stops: 'account', retry: 'soon' });
  });
});

describe('an error', () => {
  it('is its row, filled with details', () => {
    const error = new MailhaulError('connection-lost', { host: 'mail.example.com', during: 'APPEND' });
    expect(error.message).toBe('mail.example.com closed the connection during APPEND');
    expect(error).toMatchObject({ name: 'MailhaulError', code: 'connection-lost', stops: 'account', retry: 'soon' });
    expect(error.remedy).toBe(errorRow('connection-lost').remedy);
    expect(error).toBeInstanceOf(Error);
  });

  it('keeps its cause, and has none where none was given', () => {
    const cause = new Error('why');
    expect(new MailhaulError('usage', { reason: 'x' }, cause).cause).toBe(cause);
    expect('cause' in new MailhaulError('usage', { reason: 'x' })).toBe(false);
  });

  it('leaves a place open for which there is no detail', () => {
    expect(new MailhaulError('usage').message).toBe('{reason}');
  });

  it('does not fill a place of a detail', () => {
    const error = new MailhaulError('connection-lost', { host: '{during} $& $1', during: 'x' });
    expect(error.message).toContain('{during} $& $1 closed');
  });

  it('carries no control characters of a server', () => {
    const error = new MailhaulError('usage', { reason: 'a\r\nb\x1b[31m\u202e' });
    expect(error.message).toBe('a b [31m');
  });
});

describe('anything thrown', () => {
  it('stays what it is when it is one of ours', () => {
    const error = new MailhaulError('usage', { reason: 'x' });
    expect(asMailhaulError(error)).toBe(error);
  });

  it.each([
    [new TypeError('x is undefined'), 'x is undefined'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [null, 'null'],
  ])('is unexpected otherwise: %s', (thrown, reason) => {
    const error = asMailhaulError(thrown);
    expect(error.code).toBe('unexpected');
    expect(error.message).toBe(`unexpected error: ${reason}`);
  });
});

describe('printable text', () => {
  it('has no control and format characters, and no end of blanks', () => {
    expect(printable(' a\x00\x07b\x7f\x9fc\u200bd\u2028e\u2066 ')).toBe('a b c d e');
  });

  it('keeps letters of every script', () => {
    expect(printable('Grüße, 邮件, почта 📬')).toBe('Grüße, 邮件, почта 📬');
  });

  it('is bounded', () => {
    expect(printable('x'.repeat(1000))).toBe(`${'x'.repeat(300)}…`);
    expect(printable('abcdef', 3)).toBe('abc…');
    expect(printable('abc', 3)).toBe('abc');
  });
});
