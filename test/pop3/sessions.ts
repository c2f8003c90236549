/** What the tests of the POP3 client share: endpoints, short deadlines, a sink that keeps what it gets. */
import { afterEach } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { PopClient } from '../../src/pop3/client.ts';
import type { PopEndpoint, PopOptions } from '../../src/pop3/endpoint.ts';
import type { PopRequest, PopSink } from '../../src/pop3/sink.ts';
import { type PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A scripted server that ends with the test. */
export async function serve(behaviour: PopBehaviour = {}): Promise<ScriptedPop3> {
  const server = await ScriptedPop3.start(behaviour);
  closing.push(() => server.close());
  return server;
}

/** The good user's endpoint at a server. */
export function endpoint(server: { port: number }, more: Partial<PopEndpoint> = {}): PopEndpoint {
  const { port } = server;
  return { host: '127.0.0.1', port, security: 'none', auth: 'auto', user: 'user', password: 'secret', ...more };
}

/** Options whose deadlines are far away. */
export function options(more: Partial<PopOptions> = {}): PopOptions {
  return {
    popConnectTimeoutMs: 20_000,
    popLoginTimeoutMs: 20_000,
    popCapaTimeoutMs: 20_000,
    popCommandTimeoutMs: 20_000,
    popReadTimeoutMs: 20_000,
    popSlowestBytesPerSecond: 0,
    popPipelineCommands: 256,
    popPipelineMaxBytes: 4_194_304,
    popStatusLineMaxBytes: 8192,
    popListingMaxMessages: 1000,
    popListingMaxBytes: 1_000_000,
    popUidlMaxBytes: 1024,
    popScramMaxIterations: 20_000,
    popNoopMs: 20_000,
    ...more,
  };
}

/** A session that ends with the test. */
export async function connect(
  server: ScriptedPop3,
  more: Partial<PopOptions> = {},
  where: Partial<PopEndpoint> = {},
): Promise<PopClient> {
  const client = await PopClient.connect(endpoint(server, where), options(more));
  closing.push(() => client.destroy());
  return client;
}

/** The error that something must end in. */
export async function caught(doing: Promise<unknown> | (() => Promise<unknown>)): Promise<MailhaulError> {
  try {
    await (typeof doing === 'function' ? doing() : doing);
  } catch (error) {
    if (error instanceof MailhaulError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** What a sink was told, in order: messages as bytes, refusals as text, messages without an end as null. */
export class KeepingSink implements PopSink {
  readonly heard: { number: number; bytes?: Buffer | null; refused?: string }[] = [];
  #parts: Buffer[] = [];

  start({ number }: PopRequest): void | Promise<void> {
    this.heard.push({ number, bytes: null });
    this.#parts = [];
  }

  data(chunk: Buffer): void | Promise<void> {
    this.#parts.push(Buffer.from(chunk));
  }

  end(): void | Promise<void> {
    this.heard.at(-1)!.bytes = Buffer.concat(this.#parts);
  }

  refused({ number }: PopRequest, reply: string): void | Promise<void> {
    this.heard.push({ number, refused: reply });
  }
}

/** Requests for the messages with these numbers. */
export async function* wanted(numbers: Iterable<number>, octets = 100): AsyncGenerator<PopRequest> {
  for (const number of numbers) yield { number, octets };
}

/** Whole numbers from 1 to `last`. */
export function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, at) => at + 1);
}

/** Resolves as soon as the condition holds; looked at in every turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
