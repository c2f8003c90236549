/** Who may ask: a token or a login, from where, and how often a wrong token may be tried. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MailhaulError, printable } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Role, Tokens } from '../operations/token.ts';
import { checkHost, checkReader, checkSender, type Place } from './origin.ts';
import { csrfOf, readMark, type Sessions } from './sessions.ts';
import type { Visitor } from './visitor.ts';

const minuteMs = 60_000;
/** Addresses whose failures are remembered; beyond them all are forgotten. */
const mostAddresses = 10_000;

/** Headers of every answer. The API is no web page: nothing of it may run, be framed, guessed at or kept. */
export const securityHeaders = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** What the guard goes by. */
export interface GuardOptions extends Place {
  readonly tokens: Tokens;
  /** Wrong tokens that an address may show in a minute. */
  readonly failuresPerMinute: number;
  readonly sessions: Sessions;
  /** The name of the cookie that holds a login. */
  readonly cookie: string;
  readonly log: Log;
}

/** Lets a request pass or throws `request-refused`, `token-refused`, `forged-request`, `look-only` or `requests-too-many`. */
export class Guard {
  readonly #options: GuardOptions;
  readonly #tokens: readonly (readonly [Role, Buffer])[];
  #failures = new Map<string, number>();
  #since = performance.now();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#tokens = (['steer', 'look'] as const).map((role) => [role, digest(options.tokens[role])]);
  }

  /** Checks one request, sets the headers of its answer, and notes who asks. */
  async check(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    reply.headers(securityHeaders);
    checkHost(request, this.#options);
    const access = request.routeOptions.config?.access;
    if (access === 'open') return;
    if (access === 'login') return checkSender(request, this.#options);
    const visitor = this.#bearer(request) ?? (await this.#loggedIn(request));
    if (!visitor) throw new MailhaulError('token-refused', { where: 'the service' });
    request.visitor = visitor;
    // What a route does is not known here: only reading is safe unless the route says so.
    if (isReading(request) || access === 'look' || visitor.role === 'steer') return;
    throw lookOnly(visitor.login === undefined ? 'this token' : 'this login');
  }

  /** The role of a token that somebody shows to log in. Throws `token-refused` or `requests-too-many`. */
  roleOf(token: string, address: string): Role {
    const given = digest(token);
    // All are compared, so that the time tells nothing of which was near.
    const [found] = this.#tokens.filter(([, known]) => timingSafeEqual(given, known));
    if (found) return found[0];
    this.#countFailure(address);
    throw new MailhaulError('token-refused', { where: 'the service' });
  }

  #bearer({ headers: { authorization }, ip }: FastifyRequest): Visitor | undefined {
    if (authorization === undefined) return undefined;
    const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (given === undefined) throw new MailhaulError('token-refused', { where: 'the service' });
    return { role: this.roleOf(given, ip), csrf: '' };
  }

  async #loggedIn(request: FastifyRequest): Promise<Visitor | undefined> {
    const id = request.cookies[this.#options.cookie];
    const login = readMark(id);
    if (login === undefined) return undefined;
    const role = await this.#options.sessions.use(login);
    if (!role) return undefined;
    const csrf = csrfOf(id!);
    if (isReading(request)) checkReader(request);
    else {
      checkSender(request, this.#options);
      const sent = request.headers['x-csrf-token'];
      if (typeof sent !== 'string' || !timingSafeEqual(digest(sent), digest(csrf))) {
        throw new MailhaulError('forged-request', { reason: 'the header x-csrf-token is missing or wrong' });
      }
    }
    return { role, login, csrf };
  }

  #countFailure(address: string): void {
    if (performance.now() - this.#since >= minuteMs || this.#failures.size >= mostAddresses) {
      this.#failures = new Map();
      this.#since = performance.now();
    }
    const failures = (this.#failures.get(address) ?? 0) + 1;
    this.#failures.set(address, failures);
    const { failuresPerMinute, log } = this.#options;
    if (failures <= failuresPerMinute) log.warn({ from: printable(address, 60), failures }, 'wrong token');
    else throw new MailhaulError('requests-too-many', { where: address });
  }
}

/** Somebody wants to change something and may look only. */
export function lookOnly(who: string): MailhaulError {
  return new MailhaulError('look-only', { who });
}

function isReading({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Digests have one length, so that the comparison tells nothing of the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
