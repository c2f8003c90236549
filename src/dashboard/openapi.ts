/**
 * The OpenAPI document of the API, made from the schemas of its routes. This file owns @fastify/swagger and
 * fastify-type-provider-zod.
 */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import * as z from 'zod';
import { type Tag, typed } from './api-route.ts';

const tags: Readonly<Record<Tag, string>> = {
  status: 'How the service and its hosts stand.',
  accounts: 'The accounts, one by one or in pages.',
  steering: 'What changes something: pause, resume, retry, run, accept, import, remove.',
  tasks: 'Looking at servers in the background: check, verify, dry run, discovery and consent.',
  service: 'Sessions, the audit log and this document.',
};

const description = [
  'Everything that can be asked of a running Mailhaul. docs/api.md shows how, with examples.',
  'The document describes this version; later ones may add fields, so a client passes over those that it does not know.',
  'Everything else is answered with `code`, `text` and `remedy` (docs/errors.md).',
].join(' ');

/** An object of the document. */
export type Json = { readonly [name: string]: unknown };

/** Has the routes that are added from now on documented. */
export async function documentRoutes(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Mailhaul', version: '1', description },
      servers: [{ url: '/', description: 'Where the dashboard role answers.' }],
      tags: Object.entries(tags).map(([name, text]) => ({ name, description: text })),
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description:
              'The text of the file `token` in the data directory, or of `token-look`, which changes nothing.',
          },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'mailhaul-',
            description:
              'A login of the dashboard: its name ends in letters of the service, and begins with __Host- by https.',
          },
          csrf: {
            type: 'apiKey',
            in: 'header',
            name: 'x-csrf-token',
            description: 'With a session, for everything but GET; GET /api/session tells it.',
          },
        },
      },
    },
    transform: (route) => {
      const { schema, url } = jsonSchemaTransform(route as never);
      // The pages and what monitoring asks are no part of the API.
      return { schema: (url.startsWith('/api/') ? schema : { hide: true }) as never, url };
    },
    transformObject: (document) => jsonSchemaTransformObject(document as never) as never,
  });
}

/** Adds GET /api/openapi.json. */
export function addDocument(server: FastifyInstance): void {
  let document: Json | undefined;
  typed(server).get(
    '/api/openapi.json',
    {
      summary: 'This document',
      tag: 'service',
      answer: z.record(z.string(), z.unknown()).describe('OpenAPI 3.1'),
    },
    async () => {
      document ??= documentOf(server);
      return document;
    },
  );
}

/** The document of a server that is ready. */
export function documentOf(server: FastifyInstance): Json {
  const { components, paths, ...head } = server.swagger() as { components: Record<string, Json>; paths: Json };
  const rest = { ...head, paths: sorted(paths) };
  const all = components['schemas'] ?? {};
  const used = usedIn(rest, all);
  const schemas = sorted(Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name))));
  return withoutNoise({ ...rest, components: { ...components, schemas } });
}

/** Every whole number here is one that a double holds exactly: said each time it would hide the bounds that matter. */
function withoutNoise(document: Json): Json {
  const text = JSON.stringify(document, (name, value: unknown) =>
    name === 'maximum' && value === Number.MAX_SAFE_INTEGER ? undefined : value,
  );
  return JSON.parse(text) as Json;
}

/** By name, so that the document does not depend on who adds his routes first. */
function sorted(parts: Json): Json {
  return Object.fromEntries(Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The schemas that a part of the document refers to, and those that they refer to. */
function usedIn(part: unknown, all: Json): Set<string> {
  const used = new Set<string>();
  const look = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name!)) continue;
      used.add(name!);
      look(all[name!]);
    }
  };
  look(part);
  return used;
}
