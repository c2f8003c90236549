import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AccountFiles, accountFileName } from '../../src/ground/log-account-files.ts';
import { testFolder } from './log-rig.ts';

function filesIn(folder: string, more: { maxBytes?: number; openMax?: number } = {}) {
  const troubles: string[] = [];
  const onTrouble = (reason: string) => void troubles.push(reason);
  const files = new AccountFiles({ folder, maxBytes: 1e6, openMax: 8, onTrouble, ...more });
  onTestFinished(() => files.close());
  return { files, troubles };
}

describe('the name of an account’s file', () => {
  it('is the id where that is a name everywhere', () => {
    for (const id of ['alice', 'alice@example.com', 'a.b-c_d+e', '42']) expect(accountFileName(id)).toBe(id);
  });

  it('stays in its folder, fits into it, and is of harmless characters, whatever the id', () => {
    const ids = [
      '../../etc/passwd',
      '/etc/passwd',
      '..',
      '.',
      '',
      '.hidden',
      '-rf',
      'a/b',
      'a\\b',
      'a\0b',
      'x\u001b[2J',
    ];
    for (const id of [...ids, 'ä'.repeat(300), '☺'.repeat(300), 'a'.repeat(5000), 'con', 'NUL', 'lpt1.x', 'a.']) {
      const name = accountFileName(id);
      expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9@._+-]*$/);
      expect(name).toMatch(/-[0-9a-f]{16}$/);
      expect(Buffer.byteLength(`${name}.1.log`)).toBeLessThan(255);
    }
  });

  it('is no other id’s, even where capitals do not count, nor that of an older file', () => {
    const ids = ['alice', 'Alice', 'ALICE', 'a/b', 'a_b', 'a b', 'alice.1', 'ä', 'ö', 'a'.repeat(200), 'a'.repeat(201)];
    const derived = ids.map((id) => accountFileName(id));
    const all = [...ids, ...derived.filter((name) => !ids.includes(name))];
    const files = all.flatMap((id) => [`${accountFileName(id)}.log`, `${accountFileName(id)}.1.log`]);
    expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(files.length);
  });
});

describe('the files of accounts', () => {
  it('are for their owner alone, and go on where an earlier process stopped', () => {
    const folder = join(testFolder(), 'logs');
    filesIn(folder).files.write('alice', 'one\n');
    filesIn(folder).files.write('alice', 'two\n');
    expect(readFileSync(join(folder, 'alice.log'), 'utf8')).toBe('one\ntwo\n');
    expect(statSync(join(folder, 'alice.log')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('have no more bytes than they may, and one older one', () => {
    const folder = testFolder();
    const { files } = filesIn(folder, { maxBytes: 100 });
    const line = (n: number) => `${String(n).padStart(39, '0')}\n`;
    for (let n = 0; n < 7; n += 1) files.write('alice', line(n));
    expect(readdirSync(folder).sort()).toEqual(['alice.1.log', 'alice.log']);
    expect(readFileSync(join(folder, 'alice.1.log'), 'utf8')).toBe(line(4) + line(5));
    expect(readFileSync(join(folder, 'alice.log'), 'utf8')).toBe(line(6));
  });

  it('are few at once, however many accounts there are', () => {
    const folder = testFolder();
    const { files, troubles } = filesIn(folder, { openMax: 8 });
    const open = () => readdirSync('/proc/self/fd').filter((fd) => isIn(folder, fd)).length;
    let most = 0;
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 500; n += 1) {
        files.write(`user${n}`, `${round}\n`);
        if (n % 50 === 0) most = Math.max(most, open());
      }
    }
    expect(most).toBe(8);
    expect(readdirSync(folder).length).toBe(500);
    expect(readFileSync(join(folder, 'user77.log'), 'utf8')).toBe('0\n1\n');
    expect(troubles).toEqual([]);
  });

  it('that cannot be written are told once, and tried again', () => {
    const folder = join(testFolder(), 'logs');
    writeFileSync(folder, 'in the way');
    const { files, troubles } = filesIn(join(folder, 'deep'));
    for (let n = 0; n < 3; n += 1) files.write('alice', `${n}\n`);
    expect(troubles).toEqual(['ENOTDIR']);
    const other = join(testFolder(), 'logs');
    mkdirSync(join(other, 'alice.log'), { recursive: true });
    const again = filesIn(other);
    again.files.write('alice', 'one\n');
    rmdirSync(join(other, 'alice.log'));
    again.files.write('alice', 'two\n');
    expect(again.troubles).toEqual(['EISDIR']);
    expect(readFileSync(join(other, 'alice.log'), 'utf8')).toBe('two\n');
  });
});

function isIn(folder: string, fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
  } catch {
    return false;
  }
}
