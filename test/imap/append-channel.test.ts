import { afterEach, describe, expect, test, vi } from 'vitest';
import { AppendChannel } from '../../src/imap/append-channel.ts';
import type { ImapOptions } from '../../src/imap/door.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { command, endpoint, errorOf, expectBytes, latch, mail, message, quick } from './imap-rig.ts';

const base = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'UIDPLUS'];
const ends: (() => Promise<void>)[] = [];

async function rig(behaviour: ImapBehaviour = {}, options: Partial<ImapOptions> = {}) {
  const imap = await ScriptedImap.start(behaviour);
  const channel = await AppendChannel.open(endpoint(imap.port), { ...quick, ...options });
  ends.push(async () => {
    channel.destroy();
    await imap.stop();
  });
  return { imap, channel };
}

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

describe('each way to hand messages over', () => {
  const modes = [
    {
      name: 'MULTIAPPEND, LITERAL+',
      capabilities: ['MULTIAPPEND', 'LITERAL+'],
      multi: 4,
      forms: ['{+}', '{+}', '{}', '{+}'],
    },
    {
      name: 'MULTIAPPEND, LITERAL-',
      capabilities: ['MULTIAPPEND', 'LITERAL-'],
      multi: 4,
      forms: ['{+}', '{}', '{}', '{+}'],
    },
    {
      name: 'MULTIAPPEND, no literal extension',
      capabilities: ['MULTIAPPEND'],
      multi: 4,
      forms: ['{}', '{}', '{}', '{}'],
    },
    { name: 'single, LITERAL+', capabilities: ['LITERAL+'], multi: 1, forms: ['{+}', '{+}', '{}', '{+}'] },
    { name: 'single, LITERAL-', capabilities: ['LITERAL-'], multi: 1, forms: ['{+}', '{}', '{}', '{+}'] },
    { name: 'single, no literal extension', capabilities: [], multi: 1, forms: ['{}', '{}', '{}', '{}'] },
  ];
  test.each(modes)('$name', async ({ capabilities, multi, forms }) => {
    const { imap, channel } = await rig({ capabilities: [...base, ...capabilities] });
    const mails = [mail(1), mail(2, 9000), mail(3, 1_500_000), mail(4, 4000)];
    const messages = mails.map((bytes, index) => message(bytes, { flags: index === 1 ? ['\\Seen', '$Label'] : [] }));
    const commands = multi === 1 ? messages.map((one) => command([one])) : [command(messages)];
    const outcomes = await Promise.all(commands.map((one) => channel.append(one).done));
    expectBytes(imap.stored(), mails);
    expect(imap.mailboxes.get('INBOX')!.messages.map(({ flags }) => flags)).toEqual([
      '()',
      '(\\Seen $Label)',
      '()',
      '()',
    ]);
    expect(imap.connections[0]!.appends.flatMap(({ literals }) => literals.map(({ form }) => form))).toEqual(forms);
    const uids = outcomes.flatMap((outcome) => (outcome.kind === 'stored' ? outcome.uids : []));
    expect(uids).toEqual([1, 2, 3, 4]);
    expect(outcomes[0]).toMatchObject({ uidValidity: 1000 });
    expect(channel.roundTripPerMessage).toBe(!capabilities.includes('LITERAL+'));
    await channel.close();
    expect(imap.connections[0]!.commands.at(-1)).toMatch(/LOGOUT$/);
  });

  test('a size that the server let come is not asked for again, a larger one is', async () => {
    const { imap, channel } = await rig({ capabilities: [...base, 'LITERAL+'] }, { literalSyncBytes: 5000 });
    const mails = [4000, 9000, 9000, 6000, 12_000, 9000].map((size, index) => mail(index, size));
    for (const bytes of mails) await channel.append(command([message(bytes)])).done;
    expectBytes(imap.stored(), mails);
    const forms = imap.connections[0]!.appends.flatMap(({ literals }) => literals.map(({ form }) => form));
    expect(forms).toEqual(['{+}', '{}', '{+}', '{+}', '{}', '{+}']);
  });

  test('a server that reads in small steps gets the same bytes', async () => {
    const { imap, channel } = await rig({ crawl: true });
    const mails = Array.from({ length: 30 }, (_, index) => mail(index, 10_000 * (index % 5)));
    await channel.append(command(mails.map((bytes) => message(bytes)))).done;
    expectBytes(imap.stored(), mails);
  });

  test('a message with NUL goes as literal8 where BINARY is offered, and only there', async () => {
    const bytes = Buffer.from('Subject: x\r\n\r\na\0b\r\n');
    for (const [more, form] of [
      [['BINARY', 'LITERAL+'], '~{+}'],
      [['BINARY'], '~{}'],
      [['LITERAL+'], '{+}'],
    ] as const) {
      const { imap, channel } = await rig({ capabilities: [...base, ...more] });
      await channel.append(command([message(bytes)])).done;
      expectBytes(imap.stored(), [bytes]);
      expect(imap.connections[0]!.appends[0]!.literals[0]!.form).toBe(form);
    }
  });

  test('date, flags and an encoded name stand in the command', async () => {
    const { imap, channel } = await rig();
    imap.addMailbox('Entw&APw-rfe');
    const internalDate = '04-Mar-2014 10:20:30 +0100';
    const outcome = await channel.append(command([message(mail(1), { internalDate })], { path: 'Entwürfe' })).done;
    expect(outcome.kind).toBe('stored');
    expect(imap.mailboxes.get('Entw&APw-rfe')!.messages[0]).toMatchObject({ date: internalDate, flags: '()' });
  });

  test('60 MB stream through without being held', async () => {
    const { imap, channel } = await rig();
    const piece = Buffer.alloc(1_000_000, `${'x'.repeat(998)}\r\n`);
    let live = 0;
    async function* open() {
      for (let count = 0; count < 60; count++) {
        // What was handed out and is not yet with the kernel
        live = Math.max(live, process.memoryUsage().arrayBuffers);
        yield Buffer.from(piece);
      }
    }
    const before = process.memoryUsage().arrayBuffers;
    const sending = channel.append(command([{ flags: [], size: 60_000_000, hasNul: false, open }]));
    expect((await sending.done).kind).toBe('stored');
    expect(imap.stored()[0]!.equals(Buffer.concat(Array.from({ length: 60 }, () => piece)))).toBe(true);
    // The scripted server, in the same process, holds it once
    expect(live - before).toBeLessThan(110_000_000);
  });
});

describe('the closing bytes', () => {
  test('wait for beforeClosing, and everything else does not', async () => {
    const { imap, channel } = await rig({ keepBytes: true });
    const mails = [mail(1), mail(2, 400_000)];
    const fence = latch();
    const called = latch();
    let order = '';
    const beforeClosing = async () => {
      called.open();
      await fence.promise;
      order += 'fence ';
    };
    const handle = channel.append(
      command(
        mails.map((bytes) => message(bytes)),
        { beforeClosing },
      ),
    );
    void handle.sent.then(() => {
      order += 'sent ';
    });
    await called.promise;
    const { bytes } = imap.connections[0]!;
    await vi.waitFor(() => expect(bytes().subarray(-mails[1]!.length).equals(mails[1]!)).toBe(true));
    expect(imap.stored()).toEqual([]);
    const held = bytes().length;
    fence.open();
    await handle.done;
    expect(bytes().subarray(held).toString()).toBe('\r\n');
    expect(order).toBe('fence sent ');
    expectBytes(imap.stored(), mails);
  });

  test('never go when beforeClosing rejects: nothing is stored and the channel is dead', async () => {
    const { imap, channel } = await rig();
    const lost = new Error('the fence is lost');
    const handle = channel.append(command([message(mail(1))], { beforeClosing: () => Promise.reject(lost) }));
    expect(await errorOf(handle.done)).toBe(lost);
    expect(await errorOf(handle.sent)).toBe(lost);
    await vi.waitFor(() => expect(imap.connections[0]!.ended).toBe(true));
    expect(imap.stored()).toEqual([]);
    expect(await errorOf(channel.append(command([message(mail(2))])).done)).toMatchObject({ code: 'connection-lost' });
  });

  test('never go when atClosing throws, whatever beforeClosing said', async () => {
    const { imap, channel } = await rig();
    const lost = new Error('the time is up');
    let isUp = false;
    // What comes right behind: the process goes on with something else, or sleeps.
    const beforeClosing = async () => queueMicrotask(() => (isUp = true));
    const atClosing = () => {
      if (isUp) throw lost;
    };
    const handle = channel.append(command([message(mail(1))], { beforeClosing, atClosing }));
    expect(await errorOf(handle.done)).toBe(lost);
    await vi.waitFor(() => expect(imap.connections[0]!.ended).toBe(true));
    expect(imap.stored()).toEqual([]);
  });

  test('are with the kernel before anything else is done after atClosing', async () => {
    const { channel } = await rig();
    const taken: number[] = [];
    const atClosing = () => {
      taken.push(channel.taken);
      queueMicrotask(() => taken.push(channel.taken));
    };
    await channel.append(command([message(mail(1))], { atClosing })).done;
    expect(taken[1]! - taken[0]!).toBe('\r\n'.length);
  });

  test.each([
    ['shorter', 301],
    ['longer', 299],
  ])('never go for a message that is %s than announced', async (word, size) => {
    const { imap, channel } = await rig();
    const bytes = Buffer.alloc(300, 'a');
    const error = await errorOf(channel.append(command([message(bytes, { size })])).done);
    expect(error.message).toMatch(new RegExp(`is ${word} than`));
    await vi.waitFor(() => expect(imap.connections[0]!.ended).toBe(true));
    expect(imap.stored()).toEqual([]);
  });

  test('never go when the spool fails in mid-message', async () => {
    const { imap, channel } = await rig();
    const broken = new Error('disk');
    async function* open() {
      yield Buffer.alloc(100);
      throw broken;
    }
    const error = await errorOf(channel.append(command([{ flags: [], size: 300, hasNul: false, open }])).done);
    expect(error).toBe(broken);
    await vi.waitFor(() => expect(imap.connections[0]!.ended).toBe(true));
    expect(imap.stored()).toEqual([]);
  });
});

describe('many commands', () => {
  test('are sent before the first is answered, up to the limit', async () => {
    const { imap, channel } = await rig({ hang: ({ number }) => number === 1 }, { appendPipelineCommands: 5 });
    const sent: number[] = [];
    const handles = Array.from({ length: 8 }, (_, index) => channel.append(command([message(mail(index))])));
    for (const [index, handle] of handles.entries())
      void handle.sent.then(
        () => sent.push(index),
        () => {},
      );
    await handles[4]!.sent;
    expect(sent).toEqual([0, 1, 2, 3, 4]);
    await vi.waitFor(() => expect(imap.connections[0]!.appends.length).toBe(1));
    channel.destroy();
    const codes = await Promise.all(handles.map(async (handle) => (await errorOf(handle.done)).code));
    expect(codes).toEqual([...Array(5).fill('append-in-doubt'), ...Array(3).fill('connection-lost')]);
  });

  test('all arrive in order through a narrow pipeline, large ones with their wait among them', async () => {
    const { imap, channel } = await rig(
      { capabilities: [...base, 'LITERAL+'] },
      { appendPipelineCommands: 3, literalSyncBytes: 5000 },
    );
    const mails = Array.from({ length: 40 }, (_, index) => mail(index, index % 3 === 0 ? 20_000 : 500));
    const outcomes = await Promise.all(mails.map((bytes) => channel.append(command([message(bytes)])).done));
    expectBytes(imap.stored(), mails);
    expect(outcomes.flatMap((one) => (one.kind === 'stored' ? one.uids : []))).toEqual(
      mails.map((_, index) => index + 1),
    );
  });

  test('head and small messages go in one write', async () => {
    const { imap, channel } = await rig({ keepBytes: true });
    const before = imap.connections[0]!.received();
    const mails = Array.from({ length: 50 }, (_, index) => mail(index));
    const gate = latch();
    const handle = channel.append(
      command(
        mails.map((bytes) => message(bytes)),
        { beforeClosing: () => gate.promise },
      ),
    );
    await vi.waitFor(() => expect(imap.connections[0]!.appends[0]?.literals.length).toBe(50));
    expect(imap.connections[0]!.chunksAfter(before)).toBeLessThanOrEqual(2);
    gate.open();
    await handle.done;
    expectBytes(imap.stored(), mails);
  });

  test('select is not sent while an answer is missing', async () => {
    const { imap, channel } = await rig({ hang: () => true, keepBytes: true });
    const handle = channel.append(command([message(mail(1))]));
    await handle.sent;
    const selected = errorOf(channel.select('INBOX'));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(imap.connections[0]!.bytes().includes(' SELECT ')).toBe(false);
    channel.destroy();
    expect(await selected).toMatchObject({ code: 'connection-lost' });
  });

  test('select waits for the answers before it, and appends after it wait for select', async () => {
    const { imap, channel } = await rig();
    imap.addMailbox('Sent');
    const first = channel.append(command([message(mail(1))]));
    const selected = channel.select('Sent');
    const second = channel.append(command([message(mail(2))], { path: 'Sent' }));
    await Promise.all([first.done, second.done]);
    expect(await selected).toEqual({
      path: 'Sent',
      uidValidity: 1001,
      uidNext: 1,
      exists: 0,
      permanentFlags: ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft', '\\*'],
      readOnly: false,
    });
    expect(imap.connections[0]!.commands.slice(-4).map((text) => text.split(' ')[1])).toEqual([
      'APPEND',
      'ID',
      'SELECT',
      'APPEND',
    ]);
  });
});
