/** docs/openapi.json, from the routes of the API and their schemas. */
import { fastify } from 'fastify';
import { addApi } from '../src/dashboard/api.ts';
import { documentOf, documentRoutes } from '../src/dashboard/openapi.ts';
import { loadSettings } from '../src/ground/settings-load.ts';
import type { Desk } from '../src/operations/desk.ts';

/** The text of docs/openapi.json. No route is called, so nothing but the settings is there. */
export async function apiDocument(): Promise<string> {
  const server = fastify();
  await documentRoutes(server);
  addApi(server, { settings: loadSettings({ env: {}, options: {} }) } as Desk);
  await server.ready();
  return `${JSON.stringify(documentOf(server), null, 2)}\n`;
}
