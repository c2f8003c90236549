import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyDigest } from '../../src/message/canonical.ts';
import { headerEnd } from '../../src/message/header.ts';
import { longestLine, type RepairName, repaired } from '../../src/message/repair.ts';
import { fuzz, mailBytes } from '../fuzz.ts';

const all: readonly RepairName[] = ['mbox-from', 'nul', 'line-ends', 'separator', 'header-8bit', 'final-crlf'];

async function* cut(bytes: Buffer, step: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

async function repair(names: readonly RepairName[], bytes: Buffer, step = 7): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of repaired(names, cut(bytes, step))) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

const latin = (text: string) => Buffer.from(text, 'latin1');
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const word = (text: string) => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;

describe('each repair changes what it names', () => {
  const cases: [RepairName, string, string, string][] = [
    ['mbox-from', 'a line of an mbox file', 'From ann Mon\r\nA: b\r\n\r\nx', 'A: b\r\n\r\nx'],
    ['mbox-from', 'several, quoted and not', '>From ann\nFrom bob\nA: b\n\nFrom x', 'A: b\n\nFrom x'],
    ['mbox-from', 'no field that begins like one', 'From: ann\r\n\r\nFrom x', 'From: ann\r\n\r\nFrom x'],
    ['nul', 'each NUL', 'A: \0b\r\n\r\n\0\0', 'A: \x80b\r\n\r\n\x80\x80'],
    ['line-ends', 'bare LF, bare CR, CR CR LF', 'a\nb\rc\r\r\nd\r\ne\r', 'a\r\nb\r\nc\r\nd\r\ne\r\n'],
    ['separator', 'before the first line that is no field', 'A: b\r\n c\r\nbody\r\n', 'A: b\r\n c\r\n\r\nbody\r\n'],
    ['separator', 'at the end', 'A: b\r\nC: d', 'A: b\r\nC: d\r\n\r\n'],
    ['separator', 'nothing where there is one', 'A: b\n\nc', 'A: b\n\nc'],
    ['final-crlf', 'the end', 'A: b\r\n\r\nc', 'A: b\r\n\r\nc\r\n'],
    ['final-crlf', 'a half of it', 'A: b\r\n\r\nc\r', 'A: b\r\n\r\nc\r\n'],
    ['final-crlf', 'nothing where there is one', 'A: b\r\n\r\nc\r\n', 'A: b\r\n\r\nc\r\n'],
    [
      'header-8bit',
      'a run of words, and no body',
      `Subject: the ${utf8('grüne Öl')} is\r\n\r\n${utf8('ä')}`,
      `Subject: the ${word('grüne Öl')} is\r\n\r\n${utf8('ä')}`,
    ],
    [
      'header-8bit',
      'a name in quotes',
      `From: "${utf8('Jürgen')} \\"M\\"" <j@x>\r\n\r\n`,
      `From: ${word('Jürgen "M"')} <j@x>\r\n\r\n`,
    ],
    [
      'header-8bit',
      'a parameter, its quotes kept',
      `Content-Type: a/b; name="${utf8('ü')}.txt"\r\n\r\n`,
      `Content-Type: a/b; name="${word('ü.txt')}"\r\n\r\n`,
    ],
    [
      'header-8bit',
      'bytes that are no UTF-8',
      'Subject: \xfc\r\n\r\n',
      `Subject: =?unknown-8bit?B?${latin('\xfc').toString('base64')}?=\r\n\r\n`,
    ],
    ['header-8bit', 'what is no field', 'A: b\r\n\xfc\xfc c\r\n\r\n', 'A: b\r\n?? c\r\n\r\n'],
    ['header-8bit', 'no text behind a header without end', 'A: b\r\n\xfc c\r\n', 'A: b\r\n\xfc c\r\n'],
  ];
  it.each(cases)('%s: %s', async (name, _, before, after) => {
    expect((await repair([name], latin(before))).toString('latin1')).toBe(after);
  });

  it('breaks long texts into encoded words between characters', async () => {
    const text = 'äöü'.repeat(40);
    const header = (await repair(['header-8bit'], latin(`Subject: ${utf8(text)}\r\n\r\n`))).toString();
    const words = header.split(/\r\n ?/).map((line) => line.replace('Subject: ', ''));
    expect(words.every((one) => one.length <= 75)).toBe(true);
    const decoded = words.map((one) => Buffer.from(/\?B\?(.*)\?=/.exec(one)?.[1] ?? '', 'base64').toString());
    expect(decoded.join('')).toBe(text);
  });

  it('leaves a header of 4 MiB and more alone', async () => {
    const huge = latin(`Subject: \xfc\r\n${'X: y\r\n'.repeat(900_000)}\r\n`);
    expect((await repair(['header-8bit', 'separator'], huge, 1_000_003)).equals(huge)).toBe(true);
  });
});

describe('whatever the message is', () => {
  const oneRepair = fc.record({
    name: fc.constantFrom(...all),
    bytes: mailBytes,
    step: fc.integer({ min: 1, max: 50 }),
  });
  fuzz('the cuts change nothing, and a second repair neither', oneRepair, async ({ name, bytes, step }) => {
    const once = await repair([name], bytes, Math.max(1, bytes.length));
    expect((await repair([name], bytes, step)).equals(once)).toBe(true);
    expect((await repair([name], once, step)).equals(once)).toBe(true);
  });

  fuzz('all of them leave nothing that they are for', mailBytes, async (bytes) => {
    const whole = await repair(all, bytes);
    expect(whole.includes(0)).toBe(false);
    expect(/(?<!\r)\n|\r(?!\n)/.test(whole.toString('latin1'))).toBe(false);
    if (whole.length === 0) return;
    expect(headerEnd(whole)).not.toBe(-1);
    expect(whole.subarray(-2).toString('latin1')).toBe('\r\n');
    expect(/[\x80-\xff]/.test(whole.subarray(0, headerEnd(whole)).toString('latin1'))).toBe(false);
  });

  fuzz('the canonical body stays where no bare CR was', mailBytes, async (bytes) => {
    const plain = latin(bytes.toString('latin1').replace(/\r+(?!\r*\n)/g, ''));
    const body = await bodyDigest(cut(plain, 11));
    const kept: RepairName[] = headerEnd(plain) === -1 ? ['nul', 'line-ends'] : ['nul', 'line-ends', 'separator'];
    expect(body.equals(await bodyDigest(cut(await repair(kept, plain), 11)))).toBe(true);
  });

  fuzz('the longest line is found at any cut', mailBytes, async (bytes) => {
    const lines = bytes.toString('latin1').split(/\r?\n/);
    expect(await longestLine(cut(bytes, 3))).toBe(Math.max(...lines.map((line) => line.length)));
  });
});
