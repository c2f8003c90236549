import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/ground/package-root.ts';
import { headerFields } from '../../src/message/header.ts';
import { statusFlags } from '../../src/message/status-flags.ts';
import { fuzz, mailBytes } from '../fuzz.ts';

const flagsOf = (...lines: string[]) =>
  statusFlags(headerFields(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')));
const page = readFileSync(join(packageRoot(), 'docs', 'dates-and-flags.md'), 'utf8');
const documented = [...page.matchAll(/^\| `([\w-]+: [^`]+)` \| (.+) \|$/gm)].map(
  ([, line, flags]) => [line!, [...flags!.matchAll(/`([^`]+)`/g)].map(([, flag]) => flag!)] as const,
);

describe('the flags of a header', () => {
  it('stand in the documentation', () => {
    expect(documented).toHaveLength(10);
  });

  it.each(documented)('are as documented: %s', (line, flags) => {
    const { seen, flags: others } = flagsOf(line);
    expect([...(seen ? ['\\Seen'] : []), ...others]).toEqual(flags);
  });

  it.each([
    ['Status: RO', true, []],
    ['Status: O', false, []],
    ['Status: N', false, []],
    ['Status: U', false, []],
    ['Status:', undefined, []],
    ['Status: (read)', undefined, []],
    ['X-Status:', undefined, []],
    ['X-Status: AF', false, ['\\Answered', '\\Flagged']],
    ['X-Status: DT', false, ['\\Draft']],
    ['X-Mozilla-Status: 0000', false, []],
    ['X-Mozilla-Status: 0009', true, []],
    ['X-Mozilla-Status: 1007', true, ['\\Answered', '\\Flagged', '$Forwarded']],
    ['X-Mozilla-Status: 8001', true, []],
    ['X-Mozilla-Status: read', undefined, []],
    ['Subject: a', undefined, []],
    ['X-Keywords: a (b) \\Deleted \\Recent c{ %d *e "f" $g h]', undefined, ['a', '$g']],
    [`X-Keywords: ${'x'.repeat(65)} ${'y'.repeat(64)}`, undefined, ['y'.repeat(64)]],
    ['X-Keywords: Work work WORK', undefined, ['Work']],
    [`X-Keywords: a${' '.repeat(300)}`, undefined, ['a']],
  ] as const)('are read from %j', (line, seen, flags) => {
    expect(flagsOf(line)).toEqual({ seen, flags });
  });

  it('come from all fields together', () => {
    expect(
      flagsOf('Status: O', 'X-Status: A', 'X-Mozilla-Status: 0005', 'X-Keywords: a', 'X-Mozilla-Keys: b A'),
    ).toEqual({
      seen: true,
      flags: ['\\Answered', '\\Flagged', 'a', 'b'],
    });
  });

  it('are at most thirty keywords', () => {
    const words = Array.from({ length: 100 }, (_, i) => `k${i}`);
    expect(flagsOf(`X-Keywords: ${words.join(' ')}`, `X-Mozilla-Keys: ${words.join(' ')}`).flags).toHaveLength(30);
  });

  fuzz('are flags that may be sent, whatever stands there', mailBytes, (bytes) => {
    const text = bytes.toString('latin1');
    const { flags } = flagsOf(`X-Keywords: ${text}`, `X-Status: ${text}`, `X-Mozilla-Keys: ${text}`);
    for (const flag of flags) {
      expect(flag).toMatch(/^(?:\\(?:Answered|Flagged|Draft)|[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]{1,64})$/);
    }
  });
});
