/** Where targets are, on servers with and without a prefix; and which mailboxes the rules of an account can fill. */
import { afterEach, describe, expect, test } from 'vitest';
import { Targets } from '../../src/append/targets.ts';
import type { RuleElement } from '../../src/ground/settings-rules.ts';
import { MailboxClient } from '../../src/imap/mailboxes.ts';
import { endpoint, quick } from '../imap/imap-rig.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { setOf } from './rules/rule-rig.ts';

const ends: (() => Promise<void>)[] = [];

/** Targets at a server that has these mailboxes, each with its attributes. */
async function targetsAt(behaviour: ImapBehaviour, mailboxes: Readonly<Record<string, string[]>>) {
  const imap = await ScriptedImap.start(behaviour);
  for (const [name, attributes] of Object.entries(mailboxes)) imap.addMailbox(name, attributes);
  const client = await MailboxClient.connect(endpoint(imap.port), quick);
  ends.push(async () => {
    client.destroy();
    await imap.stop();
  });
  return { targets: new Targets('INBOX', async () => client), client };
}

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const dotted: ImapBehaviour = { namespace: '(("INBOX." ".")) NIL NIL', delimiter: '.' };
const archive2014 = { kind: 'special', use: '\\Archive', below: '2014' } as const;

describe('the path of a target', () => {
  test.each<[string, ImapBehaviour, Record<string, string[]>, string]>([
    ['by its attribute', {}, { Old: ['\\Archive'] }, 'Old/2014'],
    ['by its usual name', {}, { Archive: [] }, 'Archive/2014'],
    ['made where it is missing', {}, {}, 'Archive/2014'],
    ['below a prefix', dotted, { 'INBOX.Old.Mail': ['\\Archive'] }, 'INBOX.Old.Mail.2014'],
    ['below a prefix, by its usual name', dotted, {}, 'INBOX.Archive.2014'],
  ])('below a special one is found %s', async (_, behaviour, mailboxes, path) => {
    const { targets } = await targetsAt(behaviour, mailboxes);
    expect(await targets.pathOf(archive2014)).toBe(path);
    expect(await targets.pathOf(archive2014)).toBe(path);
  });
});

describe('the mailboxes that rules can fill', () => {
  const list: RuleElement[] = [
    'own-mail-to-sent',
    { to: '\\Archive/{year}/{month}' },
    { to: 'Lists/{list-id}' },
    { to: 'from-{from-domain}-{year}' },
    { to: 'Named/One' },
    { to: 'Missing' },
  ];
  const existing = async (behaviour: ImapBehaviour, names: Record<string, string[]>, most = 100) => {
    const { targets, client } = await targetsAt(behaviour, names);
    return targets.existing((await setOf(list)).reaches(), most, await client.view());
  };
  const plain = {
    Gesendet: ['\\Sent'],
    Old: ['\\Archive'],
    'Old/2014/03': [],
    'Old/2014': [],
    'Old/x/03': [],
    'Old/2014/03/more': [],
    '2014/03': [],
    'Lists/a.b': [],
    Lists: [],
    'Lists/a/b': [],
    'other/Lists/a': [],
    'Lists/gone': ['\\Noselect'],
    'from-a.b-2014': [],
    'from-': [],
    'for-a.b-2014': [],
    'Named/One': [],
    Other: [],
  };
  const found = ['Gesendet', 'Old/2014/03', 'Lists/a.b', 'from-a.b-2014', 'Named/One'];

  test('are those that fit, and the main one', async () => {
    const paths = await existing({}, plain);
    // One level before a name may be the prefix of a namespace.
    expect(paths.sort()).toEqual(['INBOX', 'other/Lists/a', ...found].sort());
  });

  test('are found below the prefix of a namespace', async () => {
    const names = Object.fromEntries(
      Object.entries(plain).map(([name, attributes]) => [
        `INBOX.${name.replaceAll('.', '_').replaceAll('/', '.')}`,
        attributes,
      ]),
    );
    const wanted = found.map((name) => `INBOX.${name.replaceAll('.', '_').replaceAll('/', '.')}`);
    const paths = await existing(dotted, names);
    expect(paths).toEqual(expect.arrayContaining(['INBOX', ...wanted]));
    expect(paths).not.toContain('INBOX.Other');
    expect(paths).not.toContain('INBOX.2014.03');
  });

  test('are no more than are asked for', async () => {
    expect(await existing({}, plain, 3)).toHaveLength(3);
  });
});
