/** docs/openapi.json, from the routes of the API and their schemas. */
import { fastify } from 'fastify';
import { addApi } from '../src/dashboard/api.ts';
import { addBoard } from '../src/dashboard/board-routes.ts';
import { addEvents } from '../src/dashboard/events.ts';
import { addLogin } from '../src/dashboard/login.ts';
import { documentOf, documentRoutes } from '../src/dashboard/openapi.ts';
import { loadSettings } from '../src/ground/settings-load.ts';

/** The text of docs/openapi.json. No route is called, so nothing but the settings is there. */
export async function apiDocument(): Promise<string> {
  const server = fastify();
  const nobody = { settings: loadSettings({ env: {}, options: {} }) } as never;
  await documentRoutes(server);
  await addLogin(server, nobody);
  addEvents(server, nobody, nobody);
  addBoard(server, nobody);
  addApi(server, nobody);
  await server.ready();
  return `${JSON.stringify(documentOf(server), null, 2)}\n`;
}
