import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Here, mail, nameless, say, type There } from './small-accounts.ts';

const a = mail('a');
const b = mail('b');
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const appended = (bytes: Buffer, uid: number, more: Partial<Here> = {}): Here => ({
  bytes,
  outcome: 'appended',
  at: [1, uid],
  ...more,
});

const table: [string, Here[], There[], string[], { deep?: string[]; problems?: string[] }?][] = [
  [
    'all there',
    [appended(a, 1), appended(b, 2)],
    [
      [1, 1, a],
      [1, 2, b],
    ],
    ['present INBOX 1', 'present INBOX 2'],
  ],
  [
    'one removed',
    [appended(a, 1), appended(b, 2)],
    [[1, 2, b]],
    ['missing INBOX 1', 'present INBOX 2'],
    { problems: ['verify-missing 1'] },
  ],
  ['one moved', [appended(a, 1)], [[2, 9, a]], ['moved Archive 9']],
  [
    'one whose UID another message has now',
    [appended(a, 1)],
    [[1, 1, b]],
    ['missing INBOX 1'],
    { problems: ['verify-missing 1'] },
  ],
  [
    'one altered, of another size',
    [appended(a, 1)],
    [[1, 1, mail('a', 'another body')]],
    ['altered INBOX 1'],
    { problems: ['verify-altered 1'] },
  ],
  [
    'one altered, of the same size',
    [appended(a, 1)],
    [[1, 1, mail('a', 'BODY of a')]],
    ['present INBOX 1'],
    { deep: ['altered INBOX 1'] },
  ],
  [
    'one altered and the original beside it',
    [appended(a, 1)],
    [
      [1, 1, mail('a', 'an entirely new body')],
      [2, 4, a],
    ],
    ['moved Archive 4'],
  ],
  [
    'one whose Subject was altered',
    [appended(a, 1)],
    [[1, 1, mail('c', 'body of a')]],
    ['altered INBOX 1'],
    { problems: ['verify-altered 1'] },
  ],
  [
    'one doubled',
    [appended(a, 1)],
    [
      [1, 1, a],
      [1, 7, a],
    ],
    ['doubled INBOX 1'],
    { problems: ['verify-doubled 1'] },
  ],
  [
    'one there three times',
    [appended(a, 1)],
    [
      [1, 1, a],
      [1, 7, a],
      [2, 1, a],
    ],
    ['doubled INBOX 1'],
    { problems: ['verify-doubled 2'] },
  ],
  [
    'one and a message like it with another body',
    [appended(a, 1)],
    [
      [1, 1, a],
      [1, 7, mail('a', 'other')],
    ],
    ['present INBOX 1'],
  ],
  [
    'one that a mailbox shows once more',
    [appended(a, 1)],
    [
      [1, 1, a],
      [3, 7, a],
    ],
    ['present INBOX 1'],
  ],
  [
    'mail of others, doubled',
    [appended(a, 1)],
    [
      [1, 1, a],
      [1, 2, b],
      [1, 3, b],
    ],
    ['present INBOX 1'],
  ],
  [
    'identical copies, one stored',
    [appended(a, 1), { ...appended(a, 1), outcome: 'duplicate' }],
    [[1, 1, a]],
    ['present INBOX 1', 'present INBOX 1'],
  ],
  [
    'identical copies, both stored',
    [appended(a, 1), appended(a, 2)],
    [
      [1, 1, a],
      [1, 2, a],
    ],
    ['present INBOX 1', 'present INBOX 2'],
  ],
  [
    'alike with different bodies, one removed',
    [appended(a, 1), appended(mail('a', 'BODY of a'), 2)],
    [[1, 1, a]],
    ['present INBOX 1', 'missing INBOX 2'],
    { problems: ['verify-missing 1'] },
  ],
  [
    'alike with different bodies, both moved',
    [appended(a, 1), appended(mail('a', 'BODY of a'), 2)],
    [
      [2, 8, mail('a', 'BODY of a')],
      [2, 9, a],
    ],
    ['moved Archive 9', 'moved Archive 8'],
  ],
  [
    'one without a Message-ID, moved',
    [appended(nameless('one'), 1)],
    [
      [2, 8, nameless('two')],
      [2, 9, nameless('one')],
    ],
    ['moved Archive 9'],
  ],
  [
    'one without a Message-ID, replaced by one like it',
    [appended(nameless('one'), 1)],
    [[2, 8, nameless('two')]],
    ['missing INBOX 1'],
    { problems: ['verify-missing 1'] },
  ],
  ['one that the server gave no UID for', [{ ...appended(a, 1), at: [1, 0] }], [[1, 5, a]], ['present INBOX 5']],
  [
    'a duplicate that came another way',
    [{ ...appended(a, 1), outcome: 'duplicate' }],
    [[1, 1, Buffer.concat([Buffer.from('Received: by x\r\n'), a])]],
    ['present INBOX 1'],
  ],
  [
    'one that the ledger lacks',
    [{ bytes: a }],
    [[1, 1, a]],
    ['unrecorded INBOX 1'],
    { problems: ['verify-unrecorded 1'] },
  ],
  [
    'one without a Message-ID that the ledger lacks',
    [{ bytes: nameless('one') }],
    [[1, 1, nameless('one')]],
    ['unrecorded INBOX 1'],
    { problems: ['verify-unrecorded 1'] },
  ],
  ['new mail', [{ bytes: a }], [], ['pending  0'], { problems: ['verify-pending 1'] }],
  [
    'new mail like some without a Message-ID',
    [{ bytes: nameless('one') }],
    [[1, 1, nameless('two')]],
    ['pending  0'],
    { problems: ['verify-pending 1'] },
  ],
  [
    'refused and accepted mail',
    [
      { bytes: a, outcome: 'refused' },
      { bytes: b, outcome: 'accepted' },
    ],
    [],
    ['refused  0', 'accepted  0'],
    { problems: ['verify-refused 1'] },
  ],
  [
    'mail that vanished, and that came back',
    [
      { bytes: a, outcome: 'vanished', gone: true },
      { bytes: b, outcome: 'vanished' },
    ],
    [],
    ['pending  0', 'vanished  0'],
    { problems: ['verify-pending 1'] },
  ],
  ['gone from the source and there', [appended(a, 1, { gone: true })], [[1, 1, a]], ['present INBOX 1']],
  [
    'gone from the source and moved',
    [appended(a, 1, { gone: true })],
    [
      [2, 3, b],
      [2, 4, a],
    ],
    ['moved Archive 4'],
  ],
  [
    'gone from the source and removed',
    [appended(a, 1, { gone: true })],
    [[2, 3, b]],
    ['missing INBOX 1'],
    { problems: ['verify-missing 1'] },
  ],
  [
    'gone from the source and altered',
    [appended(a, 1, { gone: true })],
    [[1, 1, mail('a', 'BODY of a')]],
    ['present INBOX 1'],
    { deep: ['unproven INBOX 1'] },
  ],
  [
    'gone from the source and of another size',
    [appended(a, 1, { gone: true })],
    [[1, 1, mail('a', 'an entirely new body')]],
    ['unproven INBOX 1'],
    { problems: ['verify-unproven 1'] },
  ],
  [
    'gone from the source, moved, and another at its UID',
    [appended(a, 1, { gone: true })],
    [
      [1, 1, mail('b', 'quite another body')],
      [2, 4, a],
    ],
    ['moved Archive 4'],
  ],
  [
    'waiting in a spool, listed and gone from the source',
    [
      { bytes: a, spooled: true },
      { bytes: b, spooled: true, gone: true },
    ],
    [],
    ['pending  0', 'pending  0'],
    { problems: ['verify-pending 2'] },
  ],
  [
    'lost with a spool and gone from the source; settled since',
    [{ bytes: a, owed: true, gone: true }, appended(b, 2, { owed: true, gone: true })],
    [[1, 2, b]],
    ['present INBOX 2', 'pending  0'],
    { problems: ['verify-pending 1'] },
  ],
  [
    'known by the unique id that it had before, and doubled',
    [{ ...appended(a, 1), outcome: 'duplicate' }, appended(a, 1, { gone: true })],
    [
      [1, 1, a],
      [1, 4, a],
    ],
    ['doubled INBOX 1', 'present INBOX 1'],
    { problems: ['verify-doubled 1'] },
  ],
];

describe('an account', () => {
  it.each(table)('%s', async (_, here, there, verdicts, { deep = verdicts, problems = [] } = {}) => {
    const quick = await say(here, there);
    expect(quick.verdicts).toEqual(verdicts);
    expect(quick.problems).toEqual(problems);
    expect((await say(here, there, true)).verdicts).toEqual(deep);
  });

  it('reads no content where headers leave no doubt, and all of it with deep', async () => {
    const here = [appended(a, 1), appended(b, 2)];
    const there: There[] = [
      [1, 1, a],
      [1, 2, b],
    ];
    expect((await say(here, there)).read).toEqual({ source: 0, destination: 0 });
    expect((await say(here, there, true)).read).toEqual({ source: 2, destination: 2 });
  });

  it('reads the content of what was chosen, listed or gone, and of nothing else', async () => {
    const here = [appended(a, 1), appended(b, 2), appended(mail('c'), 3, { gone: true })];
    const there: There[] = [
      [1, 1, mail('a', 'BODY of a')],
      [1, 2, b],
      [1, 3, mail('c', 'BODY of c')],
    ];
    const without = await say(here, there, [1]);
    expect(without.verdicts).toEqual(['present INBOX 1', 'present INBOX 2', 'present INBOX 3']);
    expect(without.read).toEqual({ source: 1, destination: 1 });
    expect(without.digests).toEqual(['', sha256(b), '']);
    const within = await say(here, there, [0, 2]);
    expect(within.verdicts).toEqual(['altered INBOX 1', 'present INBOX 2', 'unproven INBOX 3']);
    expect(within.read).toEqual({ source: 1, destination: 2 });
    // Of what is gone the ledger keeps 8 bytes.
    expect(within.digests).toEqual([sha256(a), '', sha256(mail('c')).slice(0, 16)]);
  });

  it('gives the digest where headers left a doubt, and not elsewhere', async () => {
    const there: There[] = [[1, 1, mail('a', 'another body')]];
    expect((await say([appended(a, 1), appended(b, 2)], there)).digests).toEqual([sha256(a), '']);
  });

  it('counts headers that the destination changed', async () => {
    const changed = Buffer.concat([Buffer.from('X-Seen-By: it\r\n'), a]);
    const said = await say(
      [appended(a, 1), { ...appended(b, 2), outcome: 'duplicate' }],
      [
        [1, 1, changed],
        [1, 2, b],
      ],
    );
    expect(said).toMatchObject({ verdicts: ['present INBOX 1', 'present INBOX 2'], problems: [], rewritten: 1 });
  });

  it('finds a repaired message by what was sent, wherever it is, and no other in its place', async () => {
    const sent = Buffer.from('Message-ID: <a@x>\r\nSubject: =?utf-8?B?YQ==?=\r\n\r\na repaired body, longer\r\n');
    const here = [{ ...appended(a, 1), repaired: sent }, appended(b, 2)];
    const others: There[] = [[1, 2, b]];
    expect((await say(here, [[1, 1, sent], ...others], true)).verdicts).toEqual(['present INBOX 1', 'present INBOX 2']);
    expect((await say(here, [[1, 1, sent], ...others])).problems).toEqual([]);
    expect((await say(here, [...others, [2, 7, sent]], true)).verdicts[0]).toBe('moved Archive 7');
    const gone = [{ ...appended(a, 1, { gone: true }), repaired: sent }, appended(b, 2)];
    expect((await say(gone, [[1, 1, sent], ...others], true)).verdicts).toContain('present INBOX 1');
    const changed = Buffer.concat([Buffer.from('X-Seen-By: it\r\n'), sent]);
    expect(await say(here, [[1, 1, changed], ...others], true)).toMatchObject({ rewritten: 1, problems: [] });
    const cut = sent.subarray(0, -6);
    expect((await say(here, [[1, 1, cut], ...others])).verdicts[0]).toBe('altered INBOX 1');
  });
});
