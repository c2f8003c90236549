/** Errors as the API answers them: {code, text, remedy}, with the status that fits. */
import type { FastifyError, FastifyReply } from 'fastify';
import { asMailhaulError, type ErrorCode, MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';

const statuses: Partial<Record<ErrorCode, number>> = {
  'request-refused': 400,
  'list-invalid': 400,
  'token-refused': 401,
  'look-only': 403,
  'forged-request': 403,
  'account-unknown': 404,
  'group-unknown': 404,
  'task-unknown': 404,
  'nothing-refused': 409,
  'export-large': 409,
  'accounts-fixed': 409,
  'requests-too-many': 429,
  'tasks-full': 429,
  'exports-full': 429,
  'viewers-too-many': 503,
  'redis-unreachable': 503,
  'redis-full': 503,
};

/** The status that fits an error. */
export function statusOf({ code }: MailhaulError): number {
  return statuses[code] ?? 500;
}

/** Answers an error, with `fixedStatus` where that is given. What nobody foresaw is logged, and answered without its details. */
export function answerError(thrown: unknown, reply: FastifyReply, log: Log, fixedStatus?: number): void {
  const { statusCode, code } = thrown as FastifyError;
  const foreign = typeof code === 'string' && code.startsWith('FST_') && statusCode !== undefined && statusCode < 500;
  const error = foreign
    ? new MailhaulError('request-refused', { reason: (thrown as Error).message })
    : asMailhaulError(thrown);
  const status = fixedStatus ?? (foreign ? statusCode : statusOf(error));
  if (status === 500) log.error({ err: error }, 'api');
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  const text = error.code === 'unexpected' ? 'unexpected error; the log of the service has the details' : error.message;
  reply.status(status).send({ code: error.code, text, remedy: error.remedy });
}
