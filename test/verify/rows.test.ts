import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Row, RowFile } from '../../src/verify/rows.ts';

describe('the file', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function* rows(account: string, count: number): Generator<Row> {
    for (let uid = 1; uid <= count; uid += 1) {
      const messageId = `<${uid}@${'x'.repeat(60)}>`;
      yield {
        account,
        uidl: `u${uid}`,
        messageId,
        mailbox: 'INBOX',
        uid,
        size: 9,
        verdict: 'present',
        reason: '',
        sha256: 'ab',
      };
    }
  }

  it('has the rows of each account together, though they come at once', async () => {
    const path = join(directory, 'rows.csv');
    const file = await RowFile.create(path);
    await Promise.all([file.add(rows('a', 3000)), file.add(rows('b', 10)), file.add(rows('c', 0))]);
    await file.close();
    const lines = readFileSync(path, 'utf8').split('\r\n');
    expect(lines[0]).toBe('account,uidl,message_id,mailbox,uid,size,verdict,reason,sha256');
    expect(lines[1]).toBe(`a,u1,<1@${'x'.repeat(60)}>,INBOX,1,9,present,,ab`);
    expect(lines.slice(1, -1).map((line) => line[0])).toEqual([...'a'.repeat(3000), ...'b'.repeat(10)]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('that cannot be written is an error of the table', async () => {
    const path = join(directory, 'no', 'rows.csv');
    await expect(RowFile.create(path)).rejects.toMatchObject({ code: 'verify-file', details: { path } });
  });
});
