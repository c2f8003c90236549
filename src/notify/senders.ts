/** How each kind of target is reached: its secrets are read for each message, so that a changed one is noticed. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { withoutSecrets } from '../accounts/oauth/classify.ts';
import { SecretRef } from '../accounts/secret.ts';
import type { Clock } from '../ground/clock.ts';
import { asMailhaulError, MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { anyOf, secretForms } from '../ground/secret-forms.ts';
import type { Settings } from '../ground/settings.ts';
import { type EmailFields, isSigningSecret, type NotifyTarget, type WebhookFields } from '../ground/settings-notify.ts';
import { readTransport } from '../transport/read-transport.ts';
import type { OutgoingMessage } from './message.ts';

/** Takes a message to a target. Throws whatever hinders it, secrets left out. */
export type Send = (message: OutgoingMessage) => Promise<void>;

/** What sending works with. */
export interface SenderContext {
  readonly settings: Pick<Settings, 'connections' | 'notifyTimeoutMs'>;
  /** Variables that secrets may be in. */
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** `notification-failed`, with what hindered a message. */
export function failureOf(target: string, thrown: unknown): MailhaulError {
  const { code, message, details } = asMailhaulError(thrown);
  const reason = code === 'unexpected' ? String(details['reason']) : message;
  return new MailhaulError('notification-failed', { target, reason }, thrown);
}

/** How a target is told. What it throws quotes no secret. */
export function senderOf(name: string, target: NotifyTarget, context: SenderContext): Send {
  return (message) =>
    target.kind === 'webhook' ? post(name, target, message, context) : mail(name, target, message, context);
}

async function post(
  name: string,
  { url, secrets: places, tlsCaFile }: WebhookFields,
  message: OutgoingMessage,
  { settings, env, clock, signal }: SenderContext,
): Promise<void> {
  const secrets: string[] = [];
  for (const place of places) secrets.push(signing(await secretIn(place, name, 'secrets', env), name));
  const { postWebhook } = await import('./webhook.ts');
  const transportOf = (host: string) => readTransport(settings, host, env);
  const ca = await caIn(tlsCaFile, name);
  const timing = { timeoutMs: settings.notifyTimeoutMs, signal, now: clock.now() };
  await postWebhook(message, { url, secrets, transportOf, ca, ...timing }).catch((error: unknown) => {
    throw withoutThem(error, secrets);
  });
}

async function mail(
  name: string,
  fields: EmailFields,
  message: OutgoingMessage,
  { settings, env, log, signal }: SenderContext,
): Promise<void> {
  const password = fields.password === undefined ? '' : await secretIn(fields.password, name, 'password', env);
  const { sendEmail } = await import('./email.ts');
  const transport = await readTransport(settings, fields.host, env);
  const place = { fields, password, transport, ca: await caIn(fields.tlsCaFile, name), signal };
  const rejected = await sendEmail(message, { ...place, timeoutMs: settings.notifyTimeoutMs }).catch(
    (error: unknown) => {
      throw withoutThem(error, [password]);
    },
  );
  if (rejected.length > 0) log.warn({ target: name, recipients: rejected }, 'recipients refused');
}

async function secretIn(place: string, name: string, field: string, env: NodeJS.ProcessEnv): Promise<string> {
  const secret = SecretRef.parse(place, process.cwd());
  const what = `${field} of the notification target ${name}`;
  if ('wrong' in secret) throw new MailhaulError('secret-missing', { who: what, reason: secret.wrong });
  return secret.read(what, env);
}

function signing(secret: string, name: string): string {
  if (isSigningSecret(secret)) return secret;
  const reason = 'it is not whsec_ with 24 to 64 bytes in base64';
  throw new MailhaulError('secret-missing', { who: `secrets of the notification target ${name}`, reason });
}

async function caIn(path: string | undefined, name: string): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return readFile(resolve(path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`tlsCaFile of the notification target ${name} cannot be read (${error.code ?? 'unknown reason'})`);
  });
}

function withoutThem(error: unknown, secrets: readonly string[]): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  const text = error.message || code || 'failed';
  // Some servers quote what they refuse, as SASL puts it on the wire or otherwise.
  const quoted = anyOf(secrets.flatMap(secretForms));
  const reason = withoutSecrets(quoted ? text.replace(quoted, '[secret]') : text, []);
  return error instanceof MailhaulError ? error : new Error(reason);
}
