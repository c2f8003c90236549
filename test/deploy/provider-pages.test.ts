/** The pages for providers: their lists and settings are right, and mail moves by them. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Account } from '../../src/accounts/account.ts';
import { loadAccountList } from '../../src/accounts/list.ts';
import { profilesOf, readProfiles } from '../../src/accounts/profiles.ts';
import { hexDigest } from '../../src/ground/digest.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { type Ended, expectReport, HaulRig, quickSettings } from '../flow/haul-rig.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Block, blocksOf, commandsOf } from './pages.ts';

const pages = ['docs/from-gmail.md', 'docs/to-microsoft-365.md', 'docs/yahoo.md', 'docs/generic-hosting.md'];
const token = 'a-token-for-all';
const secret = 'the-secret';

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

/** A page's files in a folder of their own, as an administrator would have them. */
class Followed {
  readonly folder: string;
  readonly lists: readonly Block[];
  readonly commands: readonly string[];
  /** The settings as the page has them. */
  readonly given: string;

  private constructor(page: string, folder: string) {
    const blocks = blocksOf(page);
    this.folder = folder;
    this.lists = blocks.filter(({ language }) => language === 'csv');
    this.commands = blocks
      .filter(({ language }) => language === 'sh')
      .flatMap((block) => commandsOf(block).map(({ command }) => command));
    this.given = blocks.find(({ path }) => path === 'settings.yaml')?.text ?? '';
  }

  static async begin(page: string, folder: string): Promise<Followed> {
    const followed = new Followed(page, folder);
    await followed.write('settings.yaml', followed.given);
    for (const { path, text } of followed.lists) {
      await followed.write(path, text);
      for (const [, file = ''] of text.matchAll(/\bfile:([^,\n]+)/g)) await followed.write(file, `${secret}\n`);
    }
    return followed;
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.folder, path)), { recursive: true });
    await writeFile(join(this.folder, path), text, { mode: 0o600 });
  }

  /** `check`, once, where the page has a check of this list. */
  checksOf(list: Block): string[] {
    return this.commands.some((command) => command.startsWith(`mailhaul check ${list.path} `)) ? ['check'] : [];
  }

  settings() {
    return loadSettings({ configFile: join(this.folder, 'settings.yaml'), env: {}, options: {} });
  }

  /** The accounts of a list. Throws where the page is wrong. */
  accounts(list: Block): Promise<Account[]> {
    const settings = this.settings();
    const names = Object.keys(settings.oauth);
    return loadAccountList(join(this.folder, list.path), settings.defaults, {
      oauthNames: names,
      profiles: profilesOf(settings),
    });
  }
}

describe.each(pages)('%s', (page) => {
  test('has settings and lists that can be used as they are', async () => {
    const followed = await Followed.begin(page, await rig.folder());
    expect(followed.lists.length).toBeGreaterThan(1);
    expect(followed.settings().dataDir).toBe(join(process.cwd(), 'mailhaul'));
    for (const list of followed.lists) {
      for (const { source, destination } of await followed.accounts(list)) {
        const known = [source, destination].map((endpoint) => profilesOf({ providersFile: null }).of(endpoint));
        expect(known.some((profile) => profile !== undefined)).toBe(true);
        // What Microsoft refuses is not recommended.
        for (const [at, endpoint] of [source, destination].entries()) {
          if (known[at]?.quirks.oauthOnly) expect(endpoint.auth).toMatch(/^oauth2:/);
        }
      }
    }
  });

  test('names commands that there are, for a list and settings that it has', async () => {
    const followed = await Followed.begin(page, await rig.folder());
    expect(followed.commands.length).toBe(3);
    expect(followed.lists.flatMap((list) => followed.checksOf(list))).toEqual(['check']);
    for (const command of followed.commands) {
      const [, verb, list, ...rest] = command.split(' ');
      expect(['check', 'sync', 'verify']).toContain(verb);
      expect(followed.lists.map(({ path }) => path)).toContain(list);
      expect(rest).toEqual(['--config', 'settings.yaml']);
    }
  });

  test('moves mail, by every list', { timeout: 200_000 }, async () => {
    const followed = await Followed.begin(page, await rig.folder());
    for (const list of followed.lists) {
      const { pop, imap } = await serve();
      const known = profilesOf({ providersFile: null });
      const accounts = await followed.accounts(list);
      const rewrites = accounts.some(({ destination }) => known.of(destination)?.quirks.rewritesMail !== undefined);
      await redirect(followed, pop, imap);
      const users = list.text.trim().split('\n').length - 1;
      // The server has one INBOX for all: only who is alone in it has no mail of others there.
      for (const verb of [...followed.checksOf(list), 'sync', ...(users === 1 ? ['verify'] : [])]) {
        // Some lists of a page are other ways for the same mailboxes, and must not know of each other.
        const args = [verb, list.path, '--config', 'settings.yaml', '--data-dir', `${list.path}.data`, '--json'];
        const ended = await rig.haul(args, {}, { within: ['env', '-C', followed.folder] }).ended;
        // A check has moved nothing, and tells more.
        const reported = verb === 'check' ? expectNothingMoved(ended, imap) : expectReport(ended);
        // What a provider is known to change is told, and is no fault.
        const told = verb === 'sync' && rewrites ? ['rewritten-by-destination'] : [];
        expect(
          reported.accounts.map(({ state, problems }) => ({ state, codes: problems.map(({ code }) => code) })),
        ).toEqual(Array.from({ length: users }, () => ({ state: 'complete', codes: told })));
        expect(ended.status).toBe(0);
      }
      const sent = new Set(imap.stored().map(String));
      expect(sent).toEqual(new Set(pop.behaviour.messages!.map(({ bytes }) => String(bytes))));
    }
  });
});

function expectNothingMoved({ report }: Ended, imap: ScriptedImap): Ended['report'] {
  expect(report).toMatchObject({ run: { id: 'check' }, totals: { messages: { appended: 0 } } });
  expect(imap.stored()).toEqual([]);
  return report;
}

/** Both servers, for every user who has the secret or the token. */
async function serve(): Promise<{ pop: ScriptedPop3; imap: ScriptedImap }> {
  const messages = Array.from({ length: 7 }, (_, at) => ({
    uidl: `u${at}`,
    bytes: Buffer.from(`Message-ID: <${at}@page>\r\nSubject: ${at}\r\n\r\nNumber ${at}.\r\n`),
  }));
  const bears = (said: string) => said.includes(`auth=Bearer ${token}\x01`);
  const pop = await rig.pop({
    messages,
    anyUser: true,
    password: secret,
    capabilities: ['TOP', 'UIDL', 'PIPELINING', 'USER', 'SASL PLAIN XOAUTH2'],
    sasl: (mechanism, said) => {
      if (mechanism !== 'XOAUTH2') return undefined;
      const last = said.at(-1);
      if (last === undefined) return '+ \r\n';
      return bears(last) ? '+OK in\r\n' : '-ERR [AUTH] no\r\n';
    },
  });
  const imap = await rig.imap({
    capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'AUTH=XOAUTH2', 'SASL-IR', 'NAMESPACE', 'UIDPLUS', 'LITERAL+'],
    login: (_, password) => (password === secret ? undefined : 'NO [AUTHENTICATIONFAILED] no'),
    token: (response) => (bears(response) ? undefined : '{"status":"400"}'),
  });
  return { pop, imap };
}

/** Lets the page's settings and lists lead to servers of this machine; nothing else of them changes. */
async function redirect(followed: Followed, pop: ScriptedPop3, imap: ScriptedImap): Promise<void> {
  await followed.write('settings.yaml', followed.given);
  const { oauth, budgets } = followed.settings();
  const tokenUrl = await tokenServer();
  for (const { clientSecret } of Object.values(oauth)) {
    if (clientSecret?.startsWith('file:')) await followed.write(clientSecret.slice('file:'.length), `${secret}\n`);
  }
  for (const { keyFile } of Object.values(oauth))
    if (keyFile !== undefined) await followed.write(keyFile, serviceKey());
  const side = (prefix: string, port: number) => ({
    [`${prefix}_host`]: '127.0.0.1',
    [`${prefix}_port`]: port,
    [`${prefix}_security`]: 'none',
  });
  const here = Object.entries(oauth).map(([name, fields]) => [name, { ...fields, tokenUrl }]);
  const quick = Object.fromEntries(Object.entries(quickSettings).map(([name, value]) => [name, JSON.parse(value)]));
  const defaults = { ...side('pop', pop.port), ...side('imap', imap.port) };
  const settings = { ...quick, dataDir: './mailhaul', defaults, budgets, oauth: Object.fromEntries(here) };
  await followed.write('settings.yaml', stringify(settings));
  // A host of the line wins over the defaults.
  for (const { path, text } of followed.lists) {
    await followed.write(path, text.replaceAll(/\b[\w-]+\.(?:new|old|hoster)\.example\b/g, '127.0.0.1'));
  }
}

/** Gives everybody the token. */
async function tokenServer(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3600 }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.atEnd(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
}

/** A key as Google hands it out. */
function serviceKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return JSON.stringify({
    type: 'service_account',
    client_email: 'mailhaul@project.iam.gserviceaccount.example',
    private_key_id: 'k1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });
}

test('docs/providers.md shows a file of profiles that can be used as it is', async () => {
  const [own] = blocksOf('docs/providers.md').filter(({ language }) => language === 'yaml');
  const profiles = readProfiles(await rig.file('own.yaml', own!.text));
  expect(profiles.named('old-server')?.quirks.topForbidden).toBeDefined();
  expect(profiles.named('gmail')?.limits.uploadBytesPerDay?.value).toBe(2_000_000_000);
});

test('the build has put down what config/providers.yaml says', () => {
  const text = readFileSync('config/providers.yaml', 'utf8');
  const built = JSON.parse(readFileSync('dist/providers.json', 'utf8'));
  expect(built).toEqual({ of: hexDigest(32, text), facts: parse(text) });
});

test('docs/accounts.md shows a list that needs no more than providers', async () => {
  const [list] = blocksOf('docs/accounts.md').filter(({ language }) => language === 'csv');
  const [account] = await loadAccountList(await rig.file('list.csv', list!.text), {});
  expect(account).toMatchObject({
    source: { host: 'pop3.web.de', user: 'ann' },
    destination: { host: 'imap.fastmail.com', user: 'ann@web.de' },
  });
});
