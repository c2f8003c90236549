/** /api/tasks: work that takes longer than a request. */
import type { FastifyInstance } from 'fastify';
import {
  type TaskRequest,
  taskRequest,
  taskSchema,
  taskStarted,
  taskSummarySchema,
  tasksSchema,
} from '../operations/answers/tasks.ts';
import type { Desk } from '../operations/desk.ts';
import { selectionText } from '../operations/selection.ts';
import { audited } from '../operations/steer.ts';
import { Tasks } from '../operations/tasks.ts';
import { orderOf } from '../operations/tasks-work.ts';
import { typed } from './api-route.ts';
import { taskParams } from './requests.ts';
import { nameOf } from './visitor.ts';

/** Adds the routes. Tasks end with the server. */
export function addTasks(server: FastifyInstance, desk: Desk): void {
  const { settings, clock, log } = desk;
  const tasks = new Tasks(settings, clock, log);
  server.addHook('preClose', () => tasks.close());
  addAsking(server, desk, tasks);
  const api = typed(server);
  api.get('/api/tasks', { summary: 'Tasks, the newest first', tag: 'tasks', answer: tasksSchema }, async () => ({
    tasks: tasks.list(),
  }));
  api.get(
    '/api/tasks/:id',
    {
      summary: 'One task: its progress, and its result',
      description: 'A task is gone when its process ends, and after a time that apiTasksKeptMs says.',
      tag: 'tasks',
      params: taskParams,
      answer: taskSchema,
    },
    async ({ params, visitor }, reply) => {
      const { head: whole, result } = tasks.get(params.id);
      // Whoever types the code in first gives the consent, with a mailbox of their own: it is for who may steer.
      const head = whole.kind === 'authorize' && visitor!.role !== 'steer' ? { ...whole, lines: [] } : whole;
      // The result is text already, and may be long.
      const begun = JSON.stringify({ ...head, result: null }).replace(/null\}$/, '');
      const json = Buffer.concat([Buffer.from(begun), result ?? Buffer.from('null'), Buffer.from('}')]);
      return reply.type('application/json; charset=utf-8').send(json);
    },
  );
}

function addAsking(server: FastifyInstance, desk: Desk, tasks: Tasks): void {
  const api = typed(server);
  api.post(
    '/api/tasks',
    {
      summary: 'Begin a check, a verification, a dry run, a discovery or a consent in the background',
      description:
        'What looks at accounts names accounts, a group or all: exactly one of the three. Nothing is written on either side.',
      tag: 'tasks',
      body: taskRequest,
      answer: taskStarted,
      status: 202,
    },
    async (request) => {
      const { body } = request;
      const by = nameOf(request);
      let id = '';
      await audited(desk, body.kind, scopeOf(body), { by, reason: '' }, async () => {
        const order = await orderOf(desk, body);
        id = tasks.add({ ...order, kind: body.kind, by });
        return { text: `task ${id}` };
      });
      return { id };
    },
  );
  api.delete(
    '/api/tasks/:id',
    {
      summary: 'Cancel a task; one that has ended is forgotten',
      tag: 'tasks',
      params: taskParams,
      answer: taskSummarySchema,
    },
    async (request) => {
      const asker = { by: nameOf(request), reason: '' };
      const { id } = request.params;
      const { task } = await audited(desk, 'cancel', `task ${id}`, asker, async () => {
        const cancelled = tasks.cancel(id);
        return { task: cancelled, text: cancelled.state === 'cancelled' ? 'cancelled' : 'forgotten' };
      });
      return task;
    },
  );
}

/** What a request is about, before anything is known of it. */
function scopeOf(request: TaskRequest): string {
  if (request.kind === 'discover') return request.addresses.join(', ');
  return request.kind === 'authorize' ? `account ${request.id}` : selectionText(request);
}
