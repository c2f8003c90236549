import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { AppendChannel } from '../../src/imap/append-channel.ts';
import { type ImapEndpoint, openDoor } from '../../src/imap/door.ts';
import { nameCandidates } from '../../src/imap/mailbox-candidates.ts';
import { decodeModifiedUtf7 } from '../../src/imap/mailbox-name.ts';
import { MailboxClient } from '../../src/imap/mailboxes.ts';
import { nastyCredential, nastyText } from '../servers/nasty-text.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { words } from '../servers/scripted-imap-source.ts';
import { command, endpoint, mail, message, quick } from './imap-rig.ts';

let imap: ScriptedImap;
let given: string[][] = [];

beforeAll(async () => {
  imap = await ScriptedImap.start({
    capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'AUTH=XOAUTH2', 'AUTH=OAUTHBEARER', 'LITERAL-', 'NAMESPACE', 'ID'],
    login: (...parts) => void given.push(parts.map((part) => Buffer.from(part, 'latin1').toString())),
    token: (response) => void given.push(response.split('\x01')),
  });
});
afterAll(() => imap.stop());

const verbs = (commands: readonly string[]) => commands.map((text) => text.split(' ').slice(1, 2).join().toUpperCase());

/** Opens and closes; undefined where it went well. */
async function refusal(where: ImapEndpoint): Promise<string | undefined> {
  try {
    (await openDoor(where, quick)).client.close();
    return undefined;
  } catch (error) {
    if (error instanceof MailhaulError) return error.code;
    throw error;
  }
}

/** What the server must have understood, by mechanism. */
function understood(auth: string, { user, password, authzUser }: ImapEndpoint): string[] {
  const owner = authzUser || user;
  const written = owner.replaceAll('=', '=3D').replaceAll(',', '=2C');
  if (auth === 'xoauth2') return [`user=${owner}`, `auth=Bearer ${password}`, '', ''];
  if (auth !== 'oauthbearer') return [user, password];
  return [`n,a=${written},`, 'host=127.0.0.1', `port=${imap.port}`, `auth=Bearer ${password}`, '', ''];
}

describe('whatever stands in a user name, a password and an authorization identity', () => {
  test.each(['login', 'plain', 'xoauth2', 'oauthbearer'])('%s is one login and nothing else, or none', async (auth) => {
    const other = auth === 'login' ? fc.constant(undefined) : fc.option(nastyCredential, { nil: undefined });
    const login = auth === 'login' ? 'LOGIN' : 'AUTHENTICATE';
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(nastyCredential, nastyCredential, other, async (user, password, authzUser) => {
        given = [];
        const at = imap.connections.length;
        const where = endpoint(imap.port, { auth, user, password, authzUser });
        const unsafe = [user, password, authzUser ?? ''].some((text) =>
          (auth.includes('oa') ? /[\r\n\0\x01]/ : /[\r\n\0]/).test(text),
        );
        expect(await refusal(where)).toBe(unsafe ? 'credentials-unsafe' : undefined);
        const commands = imap.connections.slice(at).flatMap((each) => each.commands);
        if (unsafe) {
          expect(commands).toEqual([]);
          return;
        }
        expect(given).toEqual([understood(auth, where)]);
        // CAPABILITY and ID are asked besides.
        expect(
          verbs(commands).filter((verb) => verb !== 'CAPABILITY' && verb !== 'ID' && verb !== 'NAMESPACE'),
        ).toEqual([login]);
        sent += 1;
      }),
      { numRuns: 60 },
    );
    expect(sent).toBeGreaterThan(0);
  });
});

// The account list refuses other control characters than those that no command can carry.
const mailboxName = nastyText.map((text) => text.replace(/[\x01\t\x85]/g, '_'));

describe('whatever stands in the name of a mailbox', () => {
  test('is created, selected and appended to under this very name, or not at all', async () => {
    const client = await MailboxClient.connect(endpoint(imap.port), quick);
    const channel = await AppendChannel.open(endpoint(imap.port), quick);
    let sent = 0;
    const made = new Set<string>();
    await fc.assert(
      fc.asyncProperty(mailboxName, async (name) => {
        const at = imap.connections.slice(-2).map(({ commands }) => commands.length);
        const { names } = nameCandidates(name, { prefix: '', delimiter: '/' }, 'either');
        // What was made for an earlier name serves for this one where the two differ in what is removed
        const path = names.find((one) => made.has(one)) ?? names[0];
        const ensured = await client.ensure(name).catch((error: MailhaulError) => error.code);
        if (path === undefined) {
          expect(ensured).toBe('mailbox-refused');
          return;
        }
        expect(ensured).toBe(path);
        made.add(path);
        expect(path).not.toMatch(/[\u0000-\u001f\u007f]/);
        expect(await channel.select(path)).toMatchObject({ path, readOnly: false });
        const bytes = mail(sent);
        const { done } = channel.append(command([message(bytes)], { path }));
        expect(await done).toMatchObject({ kind: 'stored' });
        const commands = imap.connections.slice(-2).flatMap((each, i) => each.commands.slice(at[i]));
        for (const verb of verbs(commands))
          expect(['ID', 'LIST', 'CREATE', 'SUBSCRIBE', 'SELECT', 'APPEND']).toContain(verb);
        const named = commands.filter((text) => /^\S+ (?:CREATE|SUBSCRIBE|SELECT|APPEND) /.test(text));
        for (const text of named) expect(decodeModifiedUtf7(words(text)[2]!)).toBe(path);
        expect(
          imap
            .stored(words(named.at(-1)!)[2]!)
            .at(-1)!
            .equals(bytes),
        ).toBe(true);
        sent += 1;
      }),
      { numRuns: 60 },
    );
    expect(sent).toBeGreaterThan(0);
    await expect(client.ensure('//')).rejects.toMatchObject({ code: 'mailbox-refused' });
    channel.destroy();
    await client.close();
  });
});
