import { readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { madeMail } from '../servers/made-mail.ts';
import { HaulRig, scriptedRow } from './haul-rig.ts';

const messages = madeMail()
  .slice(0, 3)
  .map(({ bytes }, i) => ({ bytes, uidl: `u${i}` }));
const hostile = '\u001b[2J\u009b31m';

let rig: HaulRig;

beforeAll(async () => {
  rig = await HaulRig.make();
});

afterAll(() => rig.end());

/** A list of an account that arrives and of one whose server has bad manners. */
async function twoAccounts(): Promise<string> {
  const [pop, rude, imap] = [
    await rig.pop({ messages }),
    await rig.pop({ capabilities: ['USER', 'UIDL'], replies: { PASS: `-ERR [AUTH] ${hostile} no\r\n` } }),
    await rig.imap(),
  ];
  return rig.list([
    { ...scriptedRow(pop, imap), id: '../Good' },
    { ...scriptedRow(rude, imap), id: 'rude', imap_user: 'other' },
  ]);
}

function start(list: string, ...more: string[]) {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];
  return rig.haul(['start', list, ...fixed, ...more]);
}

describe('the log of the service', () => {
  test('for people: safe lines, none of information with --quiet, and a file for each account', async () => {
    await rig.settings({ logFormat: 'pretty', logAccountFiles: 'true' });
    const list = await twoAccounts();
    const service = start(list);
    const { text } = service;
    await rig.reaches(() => text.stderr.split('run ended').length === 3, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).status).toBe(0);
    expect(text.stderr).toMatch(/^\[[\d: -]+\] INFO: ready \{/m);
    expect(text.stderr).toMatch(/^\[[\d: -]+\] INFO: \.\.\/Good: run ended \{.*"appended":3,.*"seconds":/m);
    expect(text.stderr).toMatch(/^\[[\d: -]+\] WARN: rude: session failed \{.*credentials-refused/m);
    expect(text.stderr).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    const names = await readdir(join(rig.dataDir, 'logs'));
    expect(names.sort()).toEqual([expect.stringMatching(/^\w+\._Good-[0-9a-f]{16}\.log$/), 'rude.log'].sort());
    const own = await readFile(join(rig.dataDir, 'logs', 'rude.log'), 'utf8');
    const lines = own
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    for (const line of lines) expect(line).toMatchObject({ account: 'rude', run: expect.any(String) });
    expect(lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['run begins', 'session failed', 'run ended']));
    const other = ['--data-dir', await rig.folder()];
    const quiet = start(list, ...other, '--quiet', '--no-color', '--json');
    await rig.reaches(() => quiet.text.stderr.includes('session failed'), quiet);
    quiet.child.kill('SIGTERM');
    expect((await quiet.ended).status).toBe(0);
    expect(quiet.text.stderr).toContain('WARN');
    expect(quiet.text.stderr).not.toContain('INFO');
  });

  test('a full disk under the log neither fails a run nor keeps the process', async () => {
    const dataDir = await rig.folder();
    await symlink('/dev/full', join(dataDir, 'mailhaul.log'));
    const [pop, imap] = [await rig.pop({ messages }), await rig.imap()];
    const list = await rig.list([scriptedRow(pop, imap)]);
    const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', dataDir];
    expect((await rig.haul(['sync', list, '--json', ...fixed]).ended).status).toBe(0);
    expect(imap.mailboxes.get('INBOX')!.messages).toHaveLength(messages.length);
  });
});
