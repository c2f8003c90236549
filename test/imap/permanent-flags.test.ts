import { afterEach, describe, expect, it } from 'vitest';
import { AppendChannel } from '../../src/imap/append-channel.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { endpoint, quick } from './imap-rig.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function permanentFlags(...lines: string[]): Promise<string[]> {
  const answer = (text: string) =>
    text.includes('SELECT')
      ? [...lines, '* 0 EXISTS', '* OK [UIDVALIDITY 5] v', '* OK [UIDNEXT 1] n', 'TAG OK done', ''].join('\r\n')
      : undefined;
  const imap = await ScriptedImap.start({ answer });
  ends.push(() => imap.stop());
  const channel = await AppendChannel.open(endpoint(imap.port), quick);
  ends.push(() => channel.destroy());
  const selected = await channel.select('INBOX');
  if (selected.missing) throw new Error('missing');
  return selected.permanentFlags;
}

const system = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'];

describe('the flags that last in a mailbox', () => {
  it.each([
    ['* OK [PERMANENTFLAGS (\\Seen \\*)] limited', ['\\Seen', '\\*']],
    ['* OK [PERMANENTFLAGS ()] no permanent flags', []],
    ['* OK [PERMANENTFLAGS ( )] no permanent flags', []],
  ])('are those of %j', async (line, flags) => {
    expect(await permanentFlags('* FLAGS (\\Seen \\Flagged Work)', line)).toEqual(flags);
  });

  it('are all that exist where the server does not say (RFC 3501 §7.1)', async () => {
    expect(await permanentFlags('* FLAGS (\\seen \\Flagged Work)')).toEqual([...system, 'Work']);
    expect(await permanentFlags('* FLAGS ()', '* OK [PERMANENTFLAGS] broken')).toEqual(system);
    expect(await permanentFlags()).toEqual(system);
  });
});
