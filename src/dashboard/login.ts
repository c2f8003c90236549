/** Logging in and out, and who is logged in. */
import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { Log } from '../ground/log.ts';
import { sessionSchema } from '../operations/answers/session.ts';
import type { Role } from '../operations/token.ts';
import { typed } from './api-route.ts';
import { type Guard, lookOnly } from './guard.ts';
import { destinations, wantsPage } from './login-page.ts';
import { checked } from './requests.ts';
import { readMark, type Sessions } from './sessions.ts';
import { nameOf } from './visitor.ts';

/** Most bytes of the form: a token has at most 200 characters. */
const formMaxBytes = 2000;

const loginForm = z.strictObject({
  token: z.string().max(1000).default(''),
  steer: z.literal('on').optional(),
  next: z.enum(Object.keys(destinations) as (keyof typeof destinations)[]).default(''),
});

/** What logging in works with. */
export interface LoginContext {
  readonly guard: Guard;
  readonly sessions: Sessions;
  readonly cookie: string;
  /** True where browsers come by https. */
  readonly secure: boolean;
  /** Of Mailhaul. */
  readonly version: string;
  /** Cuts off who watches by this login. */
  readonly ended: (login: string) => void;
  readonly log: Log;
}

/** Adds the routes. */
export async function addLogin(server: FastifyInstance, context: LoginContext): Promise<void> {
  const { guard, sessions, cookie, secure, version, ended, log } = context;
  const options: CookieSerializeOptions = { httpOnly: true, sameSite: 'strict', path: '/', secure };
  typed(server).get(
    '/api/session',
    { summary: 'Who asks, and what they may do', tag: 'service', answer: sessionSchema },
    async ({ visitor }) => ({ role: visitor!.role, csrf: visitor!.csrf, version }),
  );
  server.post('/logout', { config: { access: 'look' } }, async (request, reply) => {
    const { login } = request.visitor!;
    if (login !== undefined) {
      await sessions.end(login);
      ended(login);
      log.info({ by: nameOf(request) }, 'logged out');
    }
    reply.clearCookie(cookie, options);
    return wantsPage(request) ? reply.redirect('./', 303) : reply.status(204).send();
  });
  // Forms are read here only: elsewhere they are what a foreign page can send without asking.
  await server.register(async (forms) => {
    forms.removeAllContentTypeParsers();
    const bounded = { parseAs: 'string', bodyLimit: formMaxBytes } as const;
    forms.addContentTypeParser('application/x-www-form-urlencoded', bounded, async (_request: unknown, body: string) =>
      Object.fromEntries(new URLSearchParams(body)),
    );
    forms.post('/login', { config: { access: 'login' }, bodyLimit: formMaxBytes }, async (request, reply) => {
      const { token, steer, next } = checked(loginForm, request.body, 'body');
      const may = guard.roleOf(token.trim(), request.ip);
      if (steer && may === 'look') throw lookOnly('This token');
      const role: Role = steer ? 'steer' : 'look';
      const id = await sessions.begin(role);
      request.visitor = { role, login: readMark(id)!, csrf: '' };
      log.info({ by: nameOf(request), role }, 'logged in');
      reply.setCookie(cookie, id, options);
      return reply.redirect(destinations[next], 303);
    });
  });
}
