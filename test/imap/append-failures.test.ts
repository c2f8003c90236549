import { afterEach, describe, expect, test, vi } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { AppendChannel } from '../../src/imap/append-channel.ts';
import type { ImapOptions } from '../../src/imap/door.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { command, endpoint, errorOf, expectBytes, latch, mail, message, quick } from './imap-rig.ts';

const base = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'UIDPLUS', 'LITERAL+'];
const ends: (() => Promise<void>)[] = [];

async function rig(behaviour: ImapBehaviour = {}, options: Partial<ImapOptions> = {}) {
  const imap = await ScriptedImap.start(behaviour);
  const channel = await AppendChannel.open(endpoint(imap.port), { ...quick, ...options });
  ends.push(async () => {
    channel.destroy();
    await imap.stop();
  });
  const send = (...bytes: Buffer[]) => channel.append(command(bytes.map((one) => message(one))));
  return { imap, channel, send };
}

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

describe('a connection that ends', () => {
  test.each(['before-storing', 'after-storing'] as const)('after the closing bytes, %s: in doubt', async (when) => {
    const { imap, send } = await rig({ drop: () => when });
    const handle = send(mail(1));
    expect(await errorOf(handle.done)).toMatchObject({ code: 'append-in-doubt' });
    await handle.sent;
    expectBytes(imap.stored(), when === 'after-storing' ? [mail(1)] : []);
  });

  test('in the middle of a literal: not stored', async () => {
    const { imap, send } = await rig({ drop: () => 'literal' });
    const handle = send(mail(1, 30_000_000));
    expect(await errorOf(handle.done)).toMatchObject({ code: 'connection-lost' });
    await errorOf(handle.sent);
    expectBytes(imap.stored(), []);
  });

  test('while beforeClosing is at work: not stored, and it is said when beforeClosing is done', async () => {
    const { imap, channel } = await rig();
    const fence = latch();
    const called = latch();
    const beforeClosing = () => {
      called.open();
      return fence.promise;
    };
    const handle = channel.append(command([message(mail(1))], { beforeClosing }));
    let settled = false;
    handle.done.catch(() => {
      settled = true;
    });
    await called.promise;
    channel.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    fence.open();
    expect(await errorOf(handle.done)).toMatchObject({ code: 'connection-lost' });
    expectBytes(imap.stored(), []);
  });

  test('with some answered, some closed, some waiting: each knows its own end', async () => {
    const drop: ImapBehaviour['drop'] = ({ number }) => (number === 3 ? 'after-storing' : undefined);
    const { imap, send } = await rig({ drop }, { appendPipelineCommands: 4 });
    const handles = Array.from({ length: 7 }, (_, index) => send(mail(index)));
    const ended = await Promise.all(
      handles.map(({ done }) =>
        done.then(
          (outcome) => outcome.kind,
          (error: MailhaulError) => error.code,
        ),
      ),
    );
    expect(ended.slice(0, 3)).toEqual(['stored', 'stored', 'append-in-doubt']);
    // What was closed by then depends on how fast the answers came, and nothing after it was
    expect(ended.slice(3).join(' ')).toMatch(/^(append-in-doubt ?)*(connection-lost ?)*$/);
    expectBytes(imap.stored(), [mail(0), mail(1), mail(2)]);
  });

  test('by our own hand, or by a signal with its reason', async () => {
    const { channel, send } = await rig({ hang: () => true });
    const handle = send(mail(1));
    await handle.sent;
    channel.destroy();
    expect(await errorOf(handle.done)).toMatchObject({ code: 'append-in-doubt' });

    const stop = new AbortController();
    const other = await rig({ hang: () => true }, { signal: stop.signal, appendPipelineCommands: 1 });
    const [first, second] = [other.send(mail(1)), other.send(mail(2))];
    await first.sent;
    stop.abort(new MailhaulError('lease-lost', { what: 'ann' }));
    expect(await errorOf(first.done)).toMatchObject({ code: 'append-in-doubt' });
    expect(await errorOf(second.done)).toMatchObject({ code: 'lease-lost' });
  });
});

describe('a silent server', () => {
  test('that does not answer a complete command: in doubt', async () => {
    const { send } = await rig({ hang: () => true }, { imapCommandTimeoutMs: 100 });
    const error = await errorOf(send(mail(1)).done);
    expect(error).toMatchObject({ code: 'append-in-doubt', cause: { code: 'server-silent' } });
  });

  test('that does not ask for a literal: not stored', async () => {
    const { send } = await rig({ capabilities: ['IMAP4rev1'], ignoreLiterals: true }, { imapCommandTimeoutMs: 100 });
    expect(await errorOf(send(mail(1)).done)).toMatchObject({ code: 'server-silent', details: { during: 'APPEND' } });
  });

  test('that takes no more bytes: not stored', async () => {
    const { imap, send } = await rig(
      { stopAfter: 100_000 },
      { imapWriteTimeoutMs: 200, literalSyncBytes: 100_000_000 },
    );
    expect(await errorOf(send(mail(1, 40_000_000)).done)).toMatchObject({
      code: 'server-silent',
      details: { during: 'APPEND' },
    });
    expectBytes(imap.stored(), []);
  });
});

describe('a refusal', () => {
  test('in the middle of pipelined commands leaves the others alone', async () => {
    const refuse: ImapBehaviour['refuse'] = ({ number }) => (number === 3 ? 'NO [TOOBIG] too big for us' : undefined);
    const { imap, send } = await rig({ refuse });
    const outcomes = await Promise.all(Array.from({ length: 6 }, (_, index) => send(mail(index)).done));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'stored', 'refused', 'stored', 'stored', 'stored']);
    expect(outcomes[2]).toEqual({ kind: 'refused', reply: 'NO', responseCode: 'TOOBIG', text: 'too big for us' });
    expectBytes(
      imap.stored(),
      [0, 1, 3, 4, 5].map((id) => mail(id)),
    );
  });

  test('before the upload sends nothing of the message', async () => {
    const refuseBefore: ImapBehaviour['refuseBefore'] = ({ number }) => (number === 2 ? 'NO [TOOBIG] no' : undefined);
    const { imap, channel } = await rig({ refuseBefore, keepBytes: true });
    const fenced = vi.fn(async () => {});
    const mails = [mail(1), mail(2, 2_000_000), mail(3)];
    const handles = mails.map((bytes) => channel.append(command([message(bytes)], { beforeClosing: fenced })));
    const outcomes = await Promise.all(handles.map(({ done }) => done));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'refused', 'stored']);
    await handles[1]!.sent;
    expectBytes(imap.stored(), [mails[0]!, mails[2]!]);
    expect(fenced).toHaveBeenCalledTimes(2);
    expect(imap.connections[0]!.bytes().includes('<2@example.com>')).toBe(false);
  });

  test('of one message refuses all of a MULTIAPPEND, before its upload or after it', async () => {
    const capabilities = [...base, 'MULTIAPPEND'];
    const large = mail(2, 2_000_000);
    for (const when of ['refuse', 'refuseBefore', 'refuseEarly'] as const) {
      const { imap, send } = await rig({
        capabilities,
        [when]: ({ index }: { index: number }) => (index === 1 ? 'BAD no' : undefined),
      });
      const second = when === 'refuseEarly' ? mail(2, 500_000) : large;
      const refused = await send(mail(1), second, mail(3), large).done;
      expect(refused).toEqual({ kind: 'refused', reply: 'BAD', responseCode: undefined, text: 'no' });
      expectBytes(imap.stored(), []);
      expect((await send(mail(4)).done).kind).toBe('stored');
      expectBytes(imap.stored(), [mail(4)]);
    }
  });

  test('that comes before the literal is through does not put the rest out of step', async () => {
    const refuseEarly: ImapBehaviour['refuseEarly'] = ({ number }) => (number === 1 ? 'NO early' : undefined);
    const { imap, channel, send } = await rig({ refuseEarly }, { literalSyncBytes: 100_000_000 });
    const fenced = vi.fn(async () => {});
    const refused = channel.append(command([message(mail(1, 20_000_000))], { beforeClosing: fenced }));
    const next = send(mail(2));
    expect(await refused.done).toMatchObject({ kind: 'refused', text: 'early' });
    expect((await next.done).kind).toBe('stored');
    expect(fenced).not.toHaveBeenCalled();
    expectBytes(imap.stored(), [mail(2)]);
  });

  test('ends the command at the message in hand: those behind it are not opened', async () => {
    const capabilities = [...base, 'MULTIAPPEND'];
    const { imap, channel, send } = await rig({
      capabilities,
      refuseEarly: ({ number }) => (number === 2 ? 'NO early' : undefined),
    });
    const refused = latch();
    const bytes = mail(2, 300_000);
    async function* slowly() {
      yield bytes.subarray(0, 200_000);
      await refused.promise;
      yield bytes.subarray(200_000);
    }
    const third = vi.fn(message(mail(3)).open);
    const messages = [message(mail(1)), message(bytes, { open: slowly }), message(mail(3), { open: third })];
    const handle = channel.append(command(messages));
    expect(await handle.done).toMatchObject({ kind: 'refused', text: 'early' });
    refused.open();
    await handle.sent;
    expect(third).not.toHaveBeenCalled();
    expect((await send(mail(4)).done).kind).toBe('stored');
    expectBytes(imap.stored(), [mail(4)]);
  });

  test('for a missing mailbox says so', async () => {
    const { channel } = await rig();
    const handle = channel.append(command([message(mail(1))], { path: 'Nowhere' }));
    expect(await handle.done).toMatchObject({ kind: 'refused', responseCode: 'TRYCREATE' });
    expect(await channel.select('Nowhere')).toEqual({ missing: true, path: 'Nowhere', text: 'no such mailbox' });
  });

  test('of a select for another reason is an error', async () => {
    const answer = (text: string) => (/ SELECT /.test(text) ? 'TAG NO [NOPERM] not yours\r\n' : undefined);
    const { channel } = await rig({ answer });
    expect(await errorOf(channel.select('INBOX'))).toMatchObject({
      code: 'mailbox-refused',
      details: { reply: 'NO [NOPERM] not yours' },
    });
  });

  test('by BYE [TOOBIG] is a refusal of the message, and the end of the connection', async () => {
    const { send } = await rig({ bye: () => '[TOOBIG] literal too big' });
    const handle = send(mail(1, 500_000));
    expect(await handle.done).toMatchObject({ kind: 'refused', responseCode: 'TOOBIG' });
    expect(await errorOf(send(mail(2)).done)).toMatchObject({ code: 'connection-lost' });
  });
});

describe('answers that bend the rules', () => {
  test.each([
    ['none', () => undefined],
    ['UIDVALIDITY 0', (_: number, uids: readonly number[]) => `APPENDUID 0 ${uids[0]}`],
    ['another count', () => 'APPENDUID 1000 1:7'],
    ['nonsense', () => 'APPENDUID x'],
  ])('APPENDUID: %s', async (_name, appendUid) => {
    const { imap, send } = await rig({ appendUid });
    expect(await send(mail(1)).done).toEqual({ kind: 'stored', uidValidity: undefined, uids: undefined });
    expectBytes(imap.stored(), [mail(1)]);
  });

  test('a + that nobody asked for is not taken for one that was', async () => {
    const refuseBefore: ImapBehaviour['refuseBefore'] = ({ number }) => (number === 4 ? 'NO [TOOBIG] no' : undefined);
    const { imap, send } = await rig({ strayContinuations: true, refuseBefore });
    const mails = [mail(1), mail(2), mail(3), mail(4, 2_000_000), mail(5)];
    const outcomes = await Promise.all(mails.map((bytes) => send(bytes).done));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'stored', 'stored', 'refused', 'stored']);
    expectBytes(
      imap.stored(),
      mails.filter((_, index) => index !== 3),
    );
  });

  test('an OK before the closing bytes is believed', async () => {
    const { imap, channel, send } = await rig({ eager: true });
    const fence = latch();
    const handle = channel.append(command([message(mail(1))], { beforeClosing: () => fence.promise }));
    expect(await handle.done).toMatchObject({ kind: 'stored', uids: [1] });
    fence.open();
    await handle.sent;
    expect((await send(mail(2)).done).kind).toBe('stored');
    expectBytes(imap.stored(), [mail(1), mail(2)]);
  });

  test('untagged lines, alerts and literals in between are passed over', async () => {
    const before = (text: string) =>
      / SELECT /.test(text)
        ? '* OK [ALERT] disk\u001b[31m full {3}\r\n* LIST () "/" {4}\r\nh1 O\r\n* CAPABILITY IMAP4rev1\r\n'
        : undefined;
    const { channel, send } = await rig({ before });
    expect(await channel.select('INBOX')).toMatchObject({ uidValidity: 1000 });
    expect(channel.alerts).toEqual(['disk [31m full {3}']);
    expect((await send(mail(1)).done).kind).toBe('stored');
  });

  test('an answer to nothing ends the connection', async () => {
    const answer = (text: string) => (/ SELECT /.test(text) ? 'TAG OK [READ-WRITE] x\r\nnonsense\r\n' : undefined);
    const { channel } = await rig({ answer });
    expect(await errorOf(channel.select('INBOX'))).toMatchObject({ code: 'protocol-error' });
  });

  test('a line without end is cut off', async () => {
    const answer = (text: string) => (/ SELECT /.test(text) ? `* ${'x'.repeat(70_000)}` : undefined);
    const { channel } = await rig({ answer });
    expect(await errorOf(channel.select('INBOX'))).toMatchObject({ code: 'protocol-error' });
  });

  test('UIDNEXT is asked for where SELECT leaves it out, UIDVALIDITY is demanded', async () => {
    const select = (more: string) => (text: string) =>
      / SELECT /.test(text) ? `* 3 EXISTS\r\n* FLAGS (\\Seen)\r\n${more}TAG OK done\r\n` : undefined;
    const { channel } = await rig({ answer: select('* OK [UIDVALIDITY 9] x\r\n') });
    const expected = {
      path: 'INBOX',
      uidValidity: 9,
      uidNext: 1,
      exists: 3,
      permanentFlags: ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'],
      readOnly: false,
    };
    expect(await channel.select('INBOX')).toEqual(expected);
    const other = await rig({ answer: select('') });
    expect(await errorOf(other.channel.select('INBOX'))).toMatchObject({ code: 'protocol-error' });
  });
});

test('what must not be sent is refused before a byte goes', async () => {
  const { imap, channel } = await rig({ capabilities: base });
  const before = imap.connections[0]!.received();
  const wrong = [
    command([]),
    command([message(mail(1)), message(mail(2))]),
    command([message(Buffer.alloc(0))]),
    command([message(mail(1), { flags: ['\\Seen) x'] })]),
    command([message(mail(1), { flags: ['\\Recent'] })]),
    command([message(mail(1), { internalDate: 'yesterday' })]),
    command([message(mail(1))], { path: 'a\r\nb' }),
  ];
  for (const one of wrong) expect((await errorOf(channel.append(one).done)).name).toBe('Error');
  expect((await channel.append(command([message(mail(1))])).done).kind).toBe('stored');
  expect(imap.connections[0]!.appends.length).toBe(1);
  expect(before).toBeGreaterThan(0);
});
