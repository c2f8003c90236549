/** Every fenced command of the pages runs: against real servers, or by name in the short list of `Host.emulated`. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { freePorts } from '../../src/demo/free-ports.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { connectRedis } from '../../src/ground/redis.ts';
import { checkRedisSafety } from '../../src/ground/redis-safety.ts';
import { HaulRig } from '../flow/haul-rig.ts';
import { compareMailboxes, mailboxContents, popContents } from '../servers/witness.ts';
import { type Block, blocksOf, commandsOf } from './pages.ts';
import { Sandbox } from './sandbox.ts';

let rig: HaulRig;
let source: Dovecot;
let destination: Dovecot;
let accounts: Account[];

interface Account {
  readonly group: string;
  readonly pop_user: string;
  readonly pop_password: string;
  readonly imap_user: string;
  readonly imap_password: string;
}

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

/** The accounts of the page's own lists; passwords that stand in files are taken from there. */
function accountsOf(blocks: readonly Block[]): Account[] {
  const fileAt = (path: string) => blocks.find((block) => block.path.endsWith(path))?.text.trim() ?? '';
  return blocks
    .filter(({ language }) => language === 'csv')
    .flatMap(({ text }) => {
      const [header = '', ...lines] = text.trim().split('\n');
      const row = (line: string) => {
        const cells = line.split(',').map((cell) => (cell.startsWith('file:') ? fileAt(cell.slice(5)) : cell));
        return Object.fromEntries(header.split(',').map((name, at) => [name, cells[at]])) as unknown as Account;
      };
      return lines.map(row);
    });
}

async function servers(blocks: readonly Block[]): Promise<Sandbox> {
  accounts = accountsOf(blocks);
  const passwords = (side: 'pop' | 'imap') =>
    Object.fromEntries(accounts.map((account) => [account[`${side}_user`], account[`${side}_password`]]));
  source = await rig.dovecot({ protocols: ['pop3'], users: passwords('pop') });
  destination = await rig.dovecot({ protocols: ['imap'], users: passwords('imap') });
  for (const { pop_user } of accounts) await mail(pop_user, 12);
  const [redis = 0] = await freePorts(1);
  return Sandbox.make(rig, { pop: source.popPort, imap: destination.imapPort, redis });
}

/** A page has dozens of commands, each a process of its own. */
const pageMs = 300_000;

let sequence = 0;
async function mail(user: string, count: number): Promise<void> {
  const messages = Array.from({ length: count }, () => {
    sequence += 1;
    return { bytes: Buffer.from(`Message-ID: <${sequence}@page>\nSubject: ${sequence}\n\nNumber ${sequence}.\n`) };
  });
  await deliver({ server: source, user }, messages);
}

/** Everything of the accounts is there, byte for byte, and still at the source. */
async function expectMoved(chosen: readonly Account[], count: number): Promise<void> {
  let total = 0;
  for (const { pop_user, pop_password, imap_user, imap_password } of chosen) {
    const compared = await compareMailboxes(
      popContents({ port: source.popPort, user: pop_user, password: pop_password }),
      mailboxContents({ port: destination.imapPort, user: imap_user, password: imap_password }),
    );
    expect(compared).toMatchObject({ missing: 0, extra: 0, doubled: 0 });
    total += compared.source;
  }
  expect(total).toBe(count);
}

describe('the page', { timeout: pageMs }, () => {
  test('nightly.md leads from nothing to a cut-over, and its late mail arrives', async () => {
    const blocks = blocksOf('docs/nightly.md');
    const sandbox = await servers(blocks);
    let looks = 0;
    sandbox.onCommand = async (command) => {
      if (!command.startsWith('dig ')) return;
      looks += 1;
      // Behind the switch somebody still delivers to the old server.
      if (looks === 2) await mail('ben@old.example', 3);
    };
    for (const block of blocks) await sandbox.follow(block, 'docs/nightly.md');
    expect(looks).toBe(2);
    await expectMoved(
      accounts.filter(({ group }) => ['pilot', 'wave-1'].includes(group)),
      3 * 12 + 3,
    );
    expect(sandbox.ran.length).toBeGreaterThan(25);
    await sandbox.end();
  });

  test('several-hosts.md leads from nothing to a scheduler and two workers', async () => {
    const blocks = blocksOf('docs/several-hosts.md');
    const sandbox = await servers(blocks.filter(({ hosts }) => !hosts.includes('compose')));
    for (const block of blocks) await sandbox.follow(block, 'docs/several-hosts.md');
    expect(sandbox.ran.length).toBeGreaterThan(40);
    // The user of the page's Redis may do what Mailhaul needs, and what it does not need is refused.
    const password = readFileSync((await sandbox.host('redis')).mapped('/etc/redis/mailhaul-password'), 'utf8').trim();
    const redis = `redis://mailhaul:${password}@127.0.0.1:${sandbox.ports.redis}`;
    await expectMoved(accounts, 36);
    const handle = await connectRedis(redis, { redisStartTimeoutMs: 5000, redisLostAfterMs: 5000 });
    expect(await checkRedisSafety(handle)).toEqual([]);
    await expect(handle.client.flushall()).rejects.toThrow('NOPERM');
    await handle.close();
    await sandbox.end();
  });

  test('backup.md saves and restores what nightly.md set up', async () => {
    const blocks = blocksOf('docs/nightly.md');
    const sandbox = await servers(blocks);
    const upToTheService = blocks.findIndex(({ text }) => text.startsWith('mailhaul accounts list'));
    for (const block of blocks.slice(0, upToTheService)) await sandbox.follow(block, 'docs/nightly.md');
    for (const block of blocksOf('docs/backup.md')) await sandbox.follow(block, 'docs/backup.md');
    const again: Block = { ...blocks[0]!, text: 'mailhaul verify /etc/mailhaul/accounts.csv --group pilot\n' };
    await sandbox.follow(again, 'docs/backup.md, verified');
    await sandbox.end();
  });
});

describe('the harness', () => {
  const block = (text: string): Block => ({ language: 'sh', hosts: ['here'], path: '', text, line: 1 });

  test.each([
    'frobnicate --now',
    'sudo frobnicate',
    'mailhaul frobnicate',
    'mailhaul sync list.csv --frobnicate',
    'mailhaul start --roles pop,frobnicate',
    'false',
    'sudo apt-get install -y frobnicate',
    'systemctl is-active mailhaul',
    'systemctl start frobnicate',
  ])('refuses %s', async (command) => {
    const sandbox = await Sandbox.make(rig, { pop: 1, imap: 1, redis: 1 });
    await expect(sandbox.follow(block(`${command}\n`), 'a page')).rejects.toThrow('a page line 1, on here');
  });

  test('reads blocks, hosts, files and continued lines', () => {
    const blocks = blocksOf('docs/several-hosts.md');
    expect(blocks.filter(({ language }) => !['sh', 'csv', 'yaml', 'ini', 'text'].includes(language))).toEqual([]);
    expect(new Set(blocks.flatMap(({ hosts }) => hosts))).toEqual(
      new Set(['redis', 'control', 'worker-1', 'worker-2', 'compose']),
    );
    expect(commandsOf(block('a \\\n  b\n# no\n\nc\n'))).toEqual([
      { command: 'a    b', line: 2 },
      { command: 'c', line: 5 },
    ]);
  });
});
