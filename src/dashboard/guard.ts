/** Who may ask: the token, the names that this host goes by, and how often a wrong token may be tried. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MailhaulError } from '../ground/errors.ts';

/** Paths that ask for no token (design §4). */
const open: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

const minuteMs = 60_000;
/** Addresses whose failures are remembered; beyond them all are forgotten. */
const mostAddresses = 10_000;

/** Headers of every answer. The API is no web page: nothing of it may run, be framed, guessed at or kept. */
const securityHeaders = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** What the guard goes by. */
export interface GuardOptions {
  readonly token: string;
  /** True when only this machine can connect: then requests must name it so, whatever DNS says of other names. */
  readonly loopback: boolean;
  /** Wrong tokens that an address may show in a minute. */
  readonly failuresPerMinute: number;
}

/** Lets a request pass or throws `request-refused`, `token-refused` or `requests-too-many`. */
export class Guard {
  readonly #options: GuardOptions;
  readonly #token: Buffer;
  #failures = new Map<string, number>();
  #since = performance.now();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#token = digest(options.token);
  }

  /** Checks one request, and sets the headers of its answer. */
  check(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers(securityHeaders);
    const { host = '' } = request.headers;
    // DNS rebinding: a web page whose name was made to lead here still says its own name.
    if (this.#options.loopback && !isLoopbackName(host)) {
      throw new MailhaulError('request-refused', { reason: `it asks for ${host || 'no host'}, not for this machine` });
    }
    const path = request.url.split('?')[0]!;
    if (open.has(path)) return;
    const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), this.#token)) return;
    if (given !== undefined) this.#countFailure(request.ip);
    throw new MailhaulError('token-refused', { where: 'the service' });
  }

  #countFailure(address: string): void {
    if (performance.now() - this.#since >= minuteMs || this.#failures.size >= mostAddresses) {
      this.#failures = new Map();
      this.#since = performance.now();
    }
    const failures = (this.#failures.get(address) ?? 0) + 1;
    this.#failures.set(address, failures);
    if (failures > this.#options.failuresPerMinute) throw new MailhaulError('requests-too-many', { where: address });
  }
}

/** True for an address or name that means this machine, with or without a port. */
export function isLoopbackName(host: string): boolean {
  const name = host.replace(/:[0-9]*$/, '').toLowerCase();
  return name === 'localhost' || name === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(name);
}

/** Digests have one length, so that the comparison tells nothing of the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
