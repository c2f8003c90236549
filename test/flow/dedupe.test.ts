/** What counts as one message under each policy, where twins are looked for, and what a change of policy does. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { all, mailboxContents } from '../servers/witness.ts';
import { dovecotRow, type Ended, expectReport, expectUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

/** A message; two with one `topic` agree in Date, From and Subject. */
function mail(topic: string, { id = topic, body = topic }: { id?: string; body?: string } = {}): { bytes: Buffer } {
  const head = [`Message-ID: <${id}@x>`, 'Date: Tue, 4 Mar 2014 10:20:30 +0100', 'From: a@x', `Subject: ${topic}`];
  return { bytes: Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}\r\n`) };
}

const topics = ['equal', 'other-body', 'other-id', 'archived', 'sent', 'binned', 'new'] as const;
const there: Readonly<Record<string, { bytes: Buffer }[]>> = {
  INBOX: [mail('equal'), mail('other-body', { body: 'another' }), mail('other-id', { id: 'another' })],
  Archive: [mail('archived')],
  // A mailbox that the rules fill: after a flush it is asked whatever the scope.
  Sent: [mail('sent')],
  Trash: [mail('binned')],
};

/** What has no twin under each policy, within the mailbox; and in all mailboxes `archived` has one, too. */
const policies = {
  confirmed: ['archived', 'binned', 'new', 'other-body', 'other-id'],
  'message-id': ['archived', 'binned', 'new', 'other-id'],
  content: ['archived', 'binned', 'new', 'other-body'],
  off: [...topics].sort(),
} as const;
type Policy = keyof typeof policies;

const table = Object.keys(policies).flatMap((policy) =>
  (['mailbox', 'destination'] as const).map((scope) => ({ policy: policy as Policy, scope })),
);

let shared: HaulRig;
let source: Dovecot;
let destination: Dovecot;

beforeAll(async () => {
  shared = await HaulRig.make();
  source = await shared.dovecot({ protocols: ['pop3'] });
  destination = await shared.dovecot({ protocols: ['imap'] });
});

afterAll(() => shared.end());

/** One account, and the program with a memory of its own. */
class Haul {
  readonly rig: HaulRig;
  readonly user: string;
  #dataDir = '';

  constructor(rig: HaulRig, user: string) {
    this.rig = rig;
    this.user = user;
  }

  async run(word: 'sync' | 'verify', ...args: string[]): Promise<Ended> {
    const list = await this.rig.list([dovecotRow(source, destination, this.user, { id: this.user })]);
    const config = join(this.rig.directory, 'settings.yaml');
    const dataDir = this.#dataDir || this.rig.dataDir;
    const ended = await this.rig.haul([word, list, '--json', '--config', config, '--data-dir', dataDir, ...args]).ended;
    expectReport(ended);
    return ended;
  }

  /** Everything that is known is gone. */
  async forget(): Promise<void> {
    this.#dataDir = await this.rig.folder();
  }

  takes(messages: readonly { bytes: Buffer }[]): Promise<number> {
    return deliver({ server: source, user: this.user }, messages);
  }

  /** The subjects in a mailbox, sorted. */
  async subjects(mailbox = 'INBOX'): Promise<string[]> {
    const login = { user: this.user, password: 'pw', port: destination.imapPort };
    const found = await all(mailboxContents(login));
    const inIt = found.filter((message) => message.mailbox === mailbox);
    return inIt.map(({ bytes }) => /^Subject: (.*?)\r?$/m.exec(String(bytes))![1]!).sort();
  }

  async untouched(count: number): Promise<void> {
    await expectUntouched({ user: this.user, password: 'pw', port: source.popPort }, count);
  }
}

/** Runs a test with a rig of its own. */
async function withHaul(user: string, work: (haul: Haul) => Promise<void>): Promise<void> {
  const rig = await HaulRig.make();
  try {
    await work(new Haul(rig, user));
  } finally {
    await rig.end();
  }
}

describe.concurrent('each policy in each scope', { timeout: 120_000 }, () => {
  test.each(table)('$policy, $scope', ({ policy, scope }) =>
    withHaul(`${policy}-${scope}@example.com`, async (haul) => {
      const { rig, user } = haul;
      await rig.settings({ dedupe: policy, dedupeScope: scope });
      await haul.takes(topics.map((topic) => mail(topic)));
      for (const [name, messages] of Object.entries(there)) {
        const mailbox = name === 'INBOX' ? {} : { mailbox: name };
        await deliver({ server: destination, user, ...mailbox }, messages);
      }
      const everywhere = scope === 'destination' && policy !== 'off';
      const expected = policies[policy].filter((topic) => !everywhere || topic !== 'archived');
      const first = await haul.run('sync');
      const had = ['equal', 'other-body', 'other-id'];
      expect(await haul.subjects()).toEqual([...had, ...expected].sort());
      const { length } = topics;
      expect(first.account.messages).toMatchObject({ appended: expected.length, duplicate: length - expected.length });
      // After a flush only a policy that looks for no twins doubles. The scope makes no difference: it is in INBOX now.
      if (scope === 'destination' && policy !== 'confirmed') return;
      await haul.forget();
      const again = await haul.run('sync');
      const doubled = policy === 'off' ? length : 0;
      expect(again.account.messages).toMatchObject({ appended: doubled, duplicate: length - doubled, pending: 0 });
      await haul.untouched(length);
    }),
  );
});

describe.concurrent('verify', { timeout: 120_000 }, () => {
  const cases = { 'message-id': [mail('other-body', { body: 'another' })], off: [mail('equal')] };
  test.each(Object.entries(cases))('calls what %s left as it is proven', (policy, foreign) =>
    withHaul(`verified-${policy}@example.com`, async (haul) => {
      await haul.rig.settings({ dedupe: policy });
      await haul.takes(topics.map((topic) => mail(topic)));
      await deliver({ server: destination, user: haul.user }, foreign);
      await haul.run('sync');
      const { account } = await haul.run('verify', '--deep');
      expect(account).toMatchObject({ state: 'complete', problems: [], messages: { known: topics.length } });
    }),
  );
});

test.concurrent('a policy that changes between runs loses and doubles nothing', { timeout: 120_000 }, () =>
  withHaul('changing@example.com', async (haul) => {
    const forks = (n: number) => mail('fork', { body: `body ${n}` });
    await haul.takes([mail('one'), forks(0)]);
    await haul.run('sync');
    expect(await haul.subjects()).toEqual(['fork', 'one']);
    // Each run brings one that is in all but its body like what was delivered, and one more copy of that.
    const appends = { content: 1, off: 2, 'message-id': 0, confirmed: 1 };
    let count = 2;
    let arrived = 2;
    for (const [policy, appended] of Object.entries(appends)) {
      await haul.rig.settings({ dedupe: policy });
      await haul.takes([forks(count), mail('one')]);
      const { account } = await haul.run('sync', '--recheck');
      expect(account.messages, policy).toMatchObject({ known: count, appended, duplicate: 2 - appended, pending: 0 });
      count += 2;
      arrived += appended;
      expect(await haul.subjects(), policy).toHaveLength(arrived);
    }
    await haul.untouched(count);
  }),
);

test.concurrent('what was moved while its answer was lost is ours', { timeout: 120_000 }, () =>
  withHaul('', async ({ rig }) => {
    await rig.settings({ dedupeScope: 'destination' });
    const pop = await rig.pop({ messages: ['one', 'two', 'three'].map((topic) => ({ uidl: topic, ...mail(topic) })) });
    const imap = await rig.imap({ capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'LITERAL+', 'UIDPLUS'] });
    imap.addMailbox('Archive');
    // Foreign mail that was there before is a twin, and not ours.
    imap.store('Archive', mail('one').bytes);
    imap.behaviour.drop = ({ bytes }) => {
      if (!bytes.includes('two')) return undefined;
      delete imap.behaviour.drop;
      return 'after-storing';
    };
    imap.behaviour.before = () => {
      // The user's filter is quicker than the next connection.
      const inbox = imap.mailboxes.get('INBOX')!.messages;
      const moved = inbox.findIndex(({ bytes }) => bytes.includes('two'));
      if (moved !== -1) imap.store('Archive', inbox.splice(moved, 1)[0]!.bytes);
      return undefined;
    };
    const list = await rig.list([scriptedRow(pop, imap)]);
    const { account } = await rig.sync(list);
    expect(account.messages).toMatchObject({ appended: 2, duplicate: 1, pending: 0 });
    const stored = [...imap.stored('INBOX'), ...imap.stored('Archive')].map(String).sort();
    expect(stored).toEqual(['one', 'two', 'three'].map((topic) => String(mail(topic).bytes)).sort());
  }),
);
