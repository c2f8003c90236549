/**
 * How a route of the API is added, so that it checks what it is sent and documents itself:
 *
 *   typed(server).get('/api/accounts/:id', {
 *     summary: 'Everything about one account',
 *     tag: 'accounts',
 *     params: idParams,
 *     query: someQuery,            // left out: none is allowed
 *     answer: accountDetailSchema, // of src/operations/answers
 *   }, async ({ params, query }) => showAccount(desk, params.id));
 *
 * What is sent is checked by the schemas (`request-refused` with every mistake, requests.ts). What is answered is typed
 * by its schema and sent as it is: it is held against the schema by tests, not in the service. The document is made by
 * openapi.ts; `npm run docs` writes it down.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import * as z from 'zod';
import { asMailhaulError } from '../ground/errors.ts';
import { errorSchema } from '../operations/answers/problem.ts';
import type { Shown } from '../operations/answers/shown.ts';
import { checked, noQuery } from './requests.ts';

/** Chapters of the document; openapi.ts says what each is about. */
export type Tag = 'status' | 'accounts' | 'steering' | 'tasks' | 'service';

/** An answer that is no JSON: a file, or a stream of events. The handler sends it itself, and returns the reply. */
export interface Media {
  /** What it may be; a JSON document among it is no answer of the API, and has a page of its own. */
  readonly media: string | readonly string[];
  readonly description: string;
}

type Nothing = z.ZodType<unknown>;

/** What a route takes and gives. */
export interface Described<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, A> {
  /** A few words, without a full stop. */
  readonly summary: string;
  /** What else there is to know, in sentences. */
  readonly description?: string;
  readonly tag: Tag;
  /** The names in the path. */
  readonly params?: P;
  /** Left out, a query is refused. */
  readonly query?: Q;
  readonly body?: B;
  readonly answer: A;
  /** Of a good answer; 200 unless it is said. */
  readonly status?: 200 | 202;
  /** Bytes; `apiMaxBytes` unless it is said. */
  readonly bodyLimit?: number;
}

/** A request whose parts were checked. */
export type Checked<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> = FastifyRequest<{
  Params: z.output<P>;
  Querystring: z.output<Q>;
  Body: z.output<B>;
}>;

type Handler<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, A> = (
  request: Checked<P, Q, B>,
  reply: FastifyReply,
) => Promise<FastifyReply | (A extends z.ZodType ? Shown<A> : never)>;

type Add = <
  A extends z.ZodType | Media,
  P extends z.ZodType = Nothing,
  Q extends z.ZodType = Nothing,
  B extends z.ZodType = Nothing,
>(
  path: string,
  described: Described<P, Q, B, A>,
  handler: Handler<P, Q, B, A>,
) => void;

/** Adds routes to the server: the comment of this file shows how. */
export function typed(server: FastifyInstance): Readonly<Record<'get' | 'post' | 'delete', Add>> {
  const adding =
    (method: 'GET' | 'POST' | 'DELETE'): Add =>
    (path, described, handler) => {
      const { bodyLimit, status = 200 } = described;
      server.route({
        method,
        url: path,
        ...(bodyLimit !== undefined && { bodyLimit }),
        schema: schemaOf(method, path, described),
        validatorCompiler: ({ schema, httpPart }) => checking(schema as unknown as z.ZodType, partNames[httpPart!]!),
        // Ten thousand accounts: an answer is not looked through a second time.
        serializerCompiler: () => (answer) => JSON.stringify(answer),
        handler: async function (this: unknown, request, reply) {
          if (status !== 200) reply.status(status);
          return handler(request as never, reply);
        } as RouteHandlerMethod,
      });
    };
  return { get: adding('GET'), post: adding('POST'), delete: adding('DELETE') };
}

/** Who may ask: the holder of a token, or of a session, who proves with all but GET that no other site asks for him. */
const reading = [{ token: [] }, { session: [] }];
const changing = [{ token: [] }, { session: [], csrf: [] }];

function schemaOf(method: string, path: string, described: Described<z.ZodType, z.ZodType, z.ZodType, unknown>) {
  const { summary, description, tag, params, query = noQuery, body, status = 200 } = described;
  const answer = described.answer as z.ZodType | Media;
  const good =
    'media' in answer
      ? { description: answer.description, content: contentOf(answer) }
      : { description: 'Done.', content: { 'application/json': { schema: answer } } };
  const bad = {
    description: 'What is wrong, and the remedy.',
    content: { 'application/json': { schema: errorSchema } },
  };
  return {
    operationId: operationId(method, path),
    summary,
    ...(description !== undefined && { description }),
    tags: [tag],
    security: method === 'GET' ? reading : changing,
    ...(params && { params }),
    querystring: query,
    ...(body && { body }),
    response: { [status]: good, default: bad },
  };
}

function contentOf({ media }: Media) {
  const schema = (one: string) => (one === 'application/json' ? z.record(z.string(), z.unknown()) : z.string());
  return Object.fromEntries([media].flat().map((one) => [one, { schema: schema(one) }]));
}

/** GET /api/accounts/:id/runs is getAccountsIdRuns. */
function operationId(method: string, path: string): string {
  const words = path.split(/[^a-z]+/i).filter((word) => word !== '' && word !== 'api');
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return method.toLowerCase() + name;
}

/** What a mistake is said to be in. */
const partNames: Readonly<Record<string, 'body' | 'query' | 'path'>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
};

function checking(schema: z.ZodType, part: 'body' | 'query' | 'path') {
  return (value: unknown) => {
    try {
      return { value: checked(schema, value, part) };
    } catch (thrown) {
      return { error: asMailhaulError(thrown) };
    }
  };
}
