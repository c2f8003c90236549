/**
 * /api/events: what changes, told to the pages that are open, as server-sent events (HTML Living Standard §9.2). All
 * viewers get the same bytes; one that does not take them is cut off, because its browser comes back by itself.
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import type { Live, LiveEvent } from '../operations/live.ts';
import { typed } from './api-route.ts';
import type { Sessions } from './sessions.ts';

/** A browser that was cut off waits so long before it comes back. */
const retryMs = 3000;
/** A comment, which no page hears of. */
const signOfLife = Buffer.from(':\n\n');

/** How many may watch, and how. */
export type EventSettings = Pick<Settings, 'eventsViewersMax' | 'eventsBufferMaxBytes' | 'eventsKeepAliveMs'>;

interface Viewer {
  readonly response: ServerResponse;
  /** The mark of the login that it watches by. */
  readonly login: string | undefined;
}

/** Everybody who watches one dashboard. */
export class Viewers {
  readonly #settings: EventSettings;
  readonly #sessions: Sessions;
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;
  /** The bytes of the last event: the same for every viewer, made once. */
  #last: { readonly event: LiveEvent; readonly bytes: Buffer } | undefined;

  constructor(settings: EventSettings, sessions: Sessions) {
    this.#settings = settings;
    this.#sessions = sessions;
  }

  /** Answers one, until its connection ends. Throws `viewers-too-many` before anything is sent. */
  add(response: ServerResponse, headers: OutgoingHttpHeaders, login: string | undefined, live: Live): void {
    const { eventsViewersMax, eventsKeepAliveMs } = this.#settings;
    if (this.#viewers.size >= eventsViewersMax)
      throw new MailhaulError('viewers-too-many', { count: eventsViewersMax });
    // Who went while he was looked at is told nothing, and would never be seen to go.
    if (response.destroyed) return;
    const viewer: Viewer = { response, login };
    this.#viewers.add(viewer);
    // The service's own limit is on requests, and this one does not end.
    response.setTimeout(0);
    response.writeHead(200, headers);
    response.write(`retry: ${retryMs}\n\n`);
    const leave = live.subscribe((event) => this.#send(viewer, this.#bytesOf(event)));
    response.once('close', () => {
      leave();
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#timer = void clearInterval(this.#timer);
    });
    this.#timer ??= setInterval(() => void this.#keepAlive(), eventsKeepAliveMs).unref();
  }

  /** Ends the streams of who watches by a login: well, where nothing is left to be taken. */
  end(login: string): void {
    for (const { response, login: own } of this.#viewers) {
      if (own !== login) continue;
      if (response.writableLength > 0) response.destroy();
      else response.end();
    }
  }

  #bytesOf(event: LiveEvent): Buffer {
    if (this.#last?.event !== event) {
      this.#last = { event, bytes: Buffer.from(`event: ${event.name}\ndata: ${event.data}\n\n`) };
    }
    return this.#last.bytes;
  }

  #send({ response }: Viewer, bytes: Buffer): void {
    if (response.writableEnded) return;
    response.write(bytes);
    // What the system does not take any more waits here, and may not pile up.
    if (response.writableLength > this.#settings.eventsBufferMaxBytes) response.destroy();
  }

  /** A sign of life for everybody whose login lasts. Where Redis does not say, the next turn asks again. */
  async #keepAlive(): Promise<void> {
    for (const login of new Set([...this.#viewers].flatMap((viewer) => viewer.login ?? []))) {
      const role = await this.#sessions.use(login).catch(() => 'unknown');
      if (role === undefined) this.end(login);
    }
    for (const viewer of this.#viewers) this.#send(viewer, signOfLife);
  }
}

/** Adds the route. */
export function addEvents(server: FastifyInstance, live: Live, viewers: Viewers): void {
  const answer = {
    media: 'text/event-stream',
    description:
      'Events `overview` (the answer of GET /api/overview) and `rows` (accounts of GET /api/table that changed).',
  };
  typed(server).get(
    '/api/events',
    { summary: 'What changes, as server-sent events', tag: 'status', answer },
    async (request, reply) => {
      const { raw } = reply;
      // Buffered by a proxy, events come late or never (nginx: proxy_buffering).
      reply.headers({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
      if (request.method === 'HEAD') return reply.send();
      viewers.add(raw, reply.getHeaders() as OutgoingHttpHeaders, request.visitor!.login, live);
      return reply.hijack();
    },
  );
}
