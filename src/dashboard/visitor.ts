/** Who asks: what the guard found out about the sender of a request, and what a route asks of them. */
import type { FastifyRequest } from 'fastify';
import { printable } from '../ground/errors.ts';
import type { Role } from '../operations/token.ts';

/** Somebody who was let in. */
export interface Visitor {
  readonly role: Role;
  /** The mark of the login that the cookie belongs to; undefined for who shows a token. */
  readonly login?: string;
  /** What must come with every request by cookie that is no GET; empty for who shows a token. */
  readonly csrf: string;
}

/**
 * What a route asks of who comes: nothing (`open`), nothing but a page of ours as its sender (`login`), or to be let in
 * whatever the method (`look`). Without it, to be let in, and for everything but GET and HEAD to be allowed to steer.
 */
export type Access = 'open' | 'login' | 'look';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where the route is open. */
    visitor: Visitor | null;
  }
  interface FastifyContextConfig {
    access?: Access;
  }
}

const namePattern = /^[\w.@+-]{1,64}$/;

/** Who asks, for the audit log. Login or token says that they may; the name is what a program says of its user. */
export function nameOf(request: FastifyRequest): string {
  const { visitor } = request;
  // A proxy may hand on whatever somebody said of his address.
  const ip = printable(request.ip, 60);
  // The beginning of the mark names a login without giving it away.
  if (visitor?.login !== undefined) return `session-${visitor.login.slice(0, 8)} from ${ip}`;
  const name = request.headers['mailhaul-user'];
  return typeof name === 'string' && namePattern.test(name) ? `${name} from ${ip}` : `token from ${ip}`;
}
