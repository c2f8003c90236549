/** The routes of what the dashboard shows: the whole, the table, hosts, the chart, and what is behind one account. */
import type { FastifyInstance } from 'fastify';
import { runsSchema, undeliveredQuery, undeliveredSchema } from '../operations/answers/account.ts';
import { hostsSchema, overviewSchema, throughputQuery, throughputSchema } from '../operations/answers/overview.ts';
import { tableQuery, tableSchema } from '../operations/answers/table.ts';
import type { Desk } from '../operations/desk.ts';
import { SharedHosts } from '../operations/hosts.ts';
import { listRuns } from '../operations/runs.ts';
import { readThroughput } from '../operations/throughput.ts';
import { listUndelivered } from '../operations/undelivered.ts';
import { typed } from './api-route.ts';
import { idParams } from './requests.ts';

/** Adds the routes, after `documentRoutes`. */
export function addBoard(server: FastifyInstance, desk: Desk): void {
  const api = typed(server);
  const hosts = new SharedHosts(desk);
  api.get(
    '/api/overview',
    { summary: 'The whole service at a glance', tag: 'status', answer: overviewSchema },
    async () => desk.board.overview(),
  );
  api.get(
    '/api/table',
    {
      summary: 'Accounts as a table: searched, filtered, sorted, cut into pages',
      description: 'All words of `search` must occur in id, group, a host or the note, whatever their case.',
      tag: 'accounts',
      query: tableQuery,
      answer: tableSchema,
    },
    async ({ query }) => desk.board.tableOf(query),
  );
  api.get(
    '/api/hosts',
    { summary: 'Hosts with their budgets and waits, the busiest first', tag: 'status', answer: hostsSchema },
    async () => ({ hosts: await hosts.list() }),
  );
  api.get(
    '/api/throughput',
    {
      summary: 'What was appended in each step of time',
      description: 'The step that is under way is not among them; steps in which no dashboard ran are missing.',
      tag: 'status',
      query: throughputQuery,
      answer: throughputSchema,
    },
    async ({ query: { since } }) =>
      readThroughput(desk.redis, desk.settings, since === undefined ? 0 : Date.parse(since)),
  );
  addAccount(server, desk);
}

function addAccount(server: FastifyInstance, desk: Desk): void {
  const api = typed(server);
  api.get(
    '/api/accounts/:id/runs',
    {
      summary: 'The runs of an account, newest first',
      description: 'The last `runHistoryMax` before the newest are kept.',
      tag: 'accounts',
      params: idParams,
      answer: runsSchema,
    },
    async ({ params }) => listRuns(desk, params.id),
  );
  api.get(
    '/api/accounts/:id/undelivered',
    {
      summary: 'The messages of an account that did not arrive, each with its reason and remedy',
      tag: 'accounts',
      params: idParams,
      query: undeliveredQuery,
      answer: undeliveredSchema,
    },
    async ({ params, query }) => listUndelivered(desk, params.id, query),
  );
}
