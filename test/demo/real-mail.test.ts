import { expect, it } from 'vitest';
import { realMail } from '../../src/demo/real-mail.ts';

it('real mail is raw: thousands of distinct messages, hundreds of them not UTF-8, none in an mbox', async () => {
  const names = new Set<string>();
  let notUtf8 = 0;
  for await (const { name, bytes } of realMail()) {
    names.add(name);
    if (!Buffer.from(bytes.toString('utf8')).equals(bytes)) notUtf8 += 1;
    expect(bytes.subarray(0, 5).toString('latin1')).not.toBe('From ');
  }
  expect(names.size).toBe(6046);
  expect(notUtf8).toBe(500);
});

it('real mail can be limited, and keeps the mbox line where that is wanted', async () => {
  const read: Buffer[] = [];
  for await (const { bytes } of realMail({ limit: 2, keepMboxLine: true })) read.push(bytes);
  expect(read).toHaveLength(2);
  expect(read[0]!.subarray(0, 27).toString('latin1')).toBe('From exmh-workers-admin@red');
});
