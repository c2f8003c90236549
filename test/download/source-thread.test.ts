/**
 * A source in its thread is what it is beside its session: the same listing, the same batches, the same errors. From its
 * sources the program serves them in one thread, over the same ports; the built program's thread is in the tests of whole
 * runs.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import { Registrar } from '../../src/download/registrar.ts';
import type { TakePlan, TakeRequest } from '../../src/download/source-client.ts';
import { SourceThread } from '../../src/download/thread/source-thread.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import { registeredBatches } from '../../src/ledger/batches.ts';
import { contentKey, type LedgerRecord, packRecord, uidlKey } from '../../src/ledger/record.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import type { PopEndpoint, PopOptions } from '../../src/pop3/endpoint.ts';
import { Spool } from '../../src/spool/spool.ts';
import { tracing } from '../ground/log-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { caught, connect as connectHere, endpoint, options, serve, until, upTo, wanted } from '../pop3/sessions.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { alice, contentOf, newDirectory, sha256 } from '../spool/spool-rig.ts';

const redis = useRedis();

const letter = (name: string, size = 0) =>
  Buffer.from(`Subject: ${name}\r\nMessage-ID: <${name}@x>\r\n\r\n${'x'.repeat(size)}\r\n`);
const letters = (count: number, size = 0) => upTo(count).map((i) => ({ bytes: letter(`m${i}`, size), uidl: `u${i}` }));

async function connect(server: ScriptedPop3, more: Partial<PopOptions> = {}, where: Partial<PopEndpoint> = {}) {
  const source = await SourceThread.start().connect(endpoint(server, where), options(more));
  onTestFinished(() => source.destroy());
  return source;
}

async function opened(behaviour: PopBehaviour, more: Partial<PopOptions> = {}) {
  const server = await serve(behaviour);
  return { server, source: await connect(server, more) };
}

/** What it takes to take, with a registrar on a Redis of the test. */
async function rig(more: Partial<TakePlan> = {}, client = redis.client) {
  const spool = await Spool.open(newDirectory(), 1e9, 1e6);
  const receiver = new Registrar({ redis: client, spool, account: alice, announce: () => {} });
  const plan: TakePlan = {
    directory: spool.directory,
    owner: { account: alice, id: 'alice', kind: 'messages', firstRun: true },
    limits: { batchMaxMessages: 3, batchMaxBytes: 1e6, headerMaxBytes: 200 },
    run: 2,
    kind: 'headers',
    keepsHeaders: true,
    ...more,
  };
  return { spool, receiver, plan };
}

/** Requests for the messages with these numbers, with space claimed for each. */
async function* requests(spool: Spool, numbers: readonly number[], own = true): AsyncGenerator<TakeRequest> {
  for (const number of numbers) {
    spool.space.tryClaim(alice, 100);
    yield { number, octets: 100, uidl: Buffer.from(`u${number}`), hasOwnUidl: own, claimed: 100 };
  }
}

/** Unique ids and bytes of what waits in the spool, batch by batch. */
async function waiting(spool: Spool): Promise<Record<string, string>[]> {
  const batches = [];
  for (const name of await registeredBatches(redis.client, alice, spool.id)) {
    const file = await spool.openBatch(alice, name);
    const contents: Record<string, string> = {};
    for (const each of file.manifest.messages) contents[each.uidl] = (await contentOf(file, each)).toString('latin1');
    batches.push(contents);
    await file.close();
  }
  return batches;
}

describe('a source in its thread', () => {
  it('says and lists what it does beside its session', async () => {
    const { server, source } = await opened({ messages: [...letters(300), { bytes: letter('none') }] });
    const far = await source.list();
    await source.quit();
    const said = server.transcript.splice(0);
    const here = await connectHere(server);
    const near = await here.list();
    await here.quit();
    expect(said).toEqual(server.transcript);
    expect(source.capabilities).toEqual(here.capabilities);
    const shown = (listing: typeof near) =>
      upTo(listing.length).map((at) => [
        listing.number(at - 1),
        listing.octets(at - 1),
        listing.hasUidlOf(at - 1),
        listing.uidl(at - 1).toString('latin1'),
      ]);
    expect(shown(far)).toEqual(shown(near));
    expect(far.octetsTotal).toBe(near.octetsTotal);
    expect(far.keys).toEqual(Buffer.concat(upTo(far.length).map((at) => uidlKey(far.uidl(at - 1)))));
  });

  it('takes messages into batches that are registered in their order, headers beside them', async () => {
    const messages = letters(100, 50);
    const { source } = await opened({ messages });
    const { spool, receiver, plan } = await rig();
    const end = await source.take(plan, requests(spool, upTo(100)), receiver).end;
    expect(end).toMatchObject({ failure: undefined, handOverFailure: undefined, current: undefined, due: [] });
    const bytes = messages.reduce((sum, message) => sum + message.bytes.length, 0);
    expect(end.taken).toMatchObject({ messages: 100, bytes, unreadable: [], vanished: [], renamed: [] });
    // Space is claimed for nothing any more, and taken by the files.
    expect(spool.space.usedBytes).toBe(bytes);
    const [first = ''] = await registeredBatches(redis.client, alice, spool.id);
    const headers = spool.headers.take(first)!;
    expect([...headers.values()].map(String)).toEqual(
      upTo(3).map((i) => `Subject: m${i}\r\nMessage-ID: <m${i}@x>\r\n\r\n`),
    );
    const batches = await waiting(spool);
    expect(batches.flatMap((batch) => Object.keys(batch))).toEqual(upTo(100).map((i) => `u${i}`));
    expect(batches[33]!['u100']).toBe(messages[99]!.bytes.toString());
  });

  it('tells of messages that are refused or gone, and gives their space back', async () => {
    const replies = { 'RETR 2': '-ERR cannot read it\r\n', 'RETR 3': '-ERR message expunged\r\n' };
    const { source } = await opened({ messages: letters(3), replies });
    const { spool, receiver, plan } = await rig();
    const { taken } = await source.take(plan, requests(spool, upTo(3)), receiver).end;
    const asked = { hasOwnUidl: true, claimed: 100 };
    expect(taken.unreadable).toEqual([
      { number: 2, reply: '-ERR cannot read it', asked: { ...asked, uidl: Buffer.from('u2') } },
    ]);
    expect(taken.vanished).toEqual([{ ...asked, uidl: Buffer.from('u3') }]);
    expect(spool.space.usedBytes).toBe(letter('m1').length);
  });

  it('tells what is known by its content alone, or under another unique id', async () => {
    const messages = letters(3);
    const record = (key: Buffer, bytes: Buffer): LedgerRecord => ({
      key,
      outcome: 'appended',
      mailbox: 1,
      uid: 7,
      size: bytes.length,
      content: Buffer.from(sha256(bytes).slice(0, 16), 'hex'),
      run: 1,
    });
    const [one, two] = messages.map(({ bytes }) => bytes) as [Buffer, Buffer];
    const ledger = new LedgerTable(packRecord(record(contentKey(sha256(one), 0), one)));
    const renamed = [record(Buffer.from('0123456789'), two)];
    const { source } = await opened({ messages });
    const { spool, receiver, plan } = await rig({ known: { ledger, spooled: new Set() }, renamed });
    const { taken } = await source.take(plan, requests(spool, upTo(3), false), receiver).end;
    expect(taken).toMatchObject({ messages: 1, known: 1 });
    expect(taken.renamed).toMatchObject([{ outcome: 'duplicate', mailbox: 1, uid: 7, run: 2 }]);
    expect((await waiting(spool)).flatMap((batch) => Object.values(batch))).toEqual([messages[2]!.bytes.toString()]);
  });

  it('shows headers, no more of each than is wanted', async () => {
    const replies = { 'TOP 2 0': '-ERR no\r\n' };
    const { source } = await opened({ messages: letters(3), replies });
    const headers: (string | undefined)[] = [];
    const tops = async function* () {
      for await (const request of wanted(upTo(3))) yield { ...request, headersOnly: true };
    };
    await source.look(tops(), 12, (header) => headers.push(header?.toString()));
    expect(headers).toEqual(['Subject: m1\r', undefined, 'Subject: m3\r']);
  });

  it('writes its trace into the log of its session', async () => {
    const server = await serve({ messages: letters(1) });
    const { trace, talk, lines } = tracing('source');
    const source = await connect(server, {}, { trace });
    await source.quit();
    expect(talk().filter((line) => line.startsWith('>'))).toEqual(
      server.transcript.map((line) => `> ${line.replace(/^(AUTH PLAIN) .*/, '$1 ***')}`),
    );
    expect(lines()[0]).toMatchObject({ account: 'ann', run: 'r1', protocol: 'pop3', connection: expect.any(Number) });
  });
});

describe('a source in its thread that fails', () => {
  it('has the error of the table, with its details', async () => {
    const server = await serve({ password: 'another' });
    const error = await caught(connect(server));
    const here = await caught(connectHere(server));
    expect({ ...error.details, code: error.code, text: error.message }).toEqual({
      ...here.details,
      code: 'credentials-refused',
      text: here.message,
    });
  });

  it('tells what was learned of the server at the login', async () => {
    const learned: string[] = [];
    const server = await serve({ messages: letters(1), dropAt: 'CAPA' });
    await connect(server, { onCapaUnusable: () => learned.push('capa') });
    const broken = await serve({ capabilities: ['USER', 'PIPELINING'], oneCommandPerRead: true });
    await connect(broken, { popLoginTimeoutMs: 60, onPipeliningBroken: () => learned.push('pipelining') });
    expect(learned).toEqual(['capa', 'pipelining']);
  });

  it('hands over what is whole when the connection breaks, and says at which message', async () => {
    const { source } = await opened({ messages: letters(5, 500), cut: { at: 'RETR 3', afterBytes: 200 } });
    const { spool, receiver, plan } = await rig();
    const end = await source.take(plan, requests(spool, upTo(5)), receiver).end;
    expect(end.failure?.error).toMatchObject({ code: 'message-cut' });
    expect(end.current?.uidl).toEqual(Buffer.from('u3'));
    expect(end.due.map(({ number }) => number)).toEqual([4, 5]);
    for (const { claimed } of end.due) receiver.release(claimed);
    expect(spool.space.usedBytes).toBe(2 * letter('m1', 500).length);
    expect((await waiting(spool)).map((batch) => Object.keys(batch))).toEqual([['u1', 'u2']]);
  });

  it('ends with the very reason of a stop, and drops the connection', async () => {
    const server = await serve({ messages: letters(2), hangAt: 'RETR 2' });
    const stop = new AbortController();
    const source = await connect(server, { signal: stop.signal });
    const { spool, receiver, plan } = await rig();
    const taking = source.take(plan, requests(spool, upTo(2)), receiver);
    await until(() => server.transcript.includes('RETR 2'));
    const reason = new Error('no more');
    stop.abort(reason);
    const end = await taking.end;
    expect(end.failure?.error).toBe(reason);
    await until(() => server.open === 0);
  });

  it('ends with what the requests were stopped by', async () => {
    const { source, server } = await opened({ messages: letters(2) });
    const { spool, receiver, plan } = await rig();
    const fault = new MailhaulError('lease-lost', { what: 'it' });
    const failing = async function* () {
      yield* requests(spool, [1]);
      throw fault;
    };
    const end = await source.take(plan, failing(), receiver).end;
    expect(end.failure?.error).toBe(fault);
    await until(() => server.open === 0);
  });

  it('tells that a batch could not be registered', async () => {
    const { source } = await opened({ messages: letters(1) });
    const broken = await redis.another();
    await broken.close();
    const { spool, receiver, plan } = await rig({}, broken.client);
    const end = await source.take(plan, requests(spool, [1]), receiver).end;
    expect(end.failure).toBeUndefined();
    expect(end.handOverFailure?.error).toBeInstanceOf(Error);
  });

  it('drops its connection when its session goes', async () => {
    const { source, server } = await opened({ messages: letters(1) });
    source.destroy();
    await until(() => server.open === 0);
    expect(server.transcript).not.toContain('QUIT');
  });
});
