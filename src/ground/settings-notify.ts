/** The settings `notifications` and `notify…`: who is told of what, and how; and what finds mistakes in them. */
import * as z from 'zod';
import { isSafeUrl } from './settings-oauth.ts';

/** What can be told (docs/notifications.md). */
export const notifiedEvents = ['account-finished', 'account-needs-person', 'run-finished', 'budget-pause'] as const;

/** One of them. */
export type NotifiedEvent = (typeof notifiedEvents)[number];

const day = 24 * 3600 * 1000;
const ms = z
  .number()
  .int()
  .min(1)
  .max(7 * day);
const secretPlace = /^(?:env|file|command):/;

/** Standard Webhooks, section Signature scheme: a symmetric secret has 24 to 64 bytes, in base64 behind `whsec_`. */
const signingSecret = /^(?:literal:)?whsec_([A-Za-z0-9+/]+={0,2})$/;

/** Whether a text is a secret that webhooks can be signed with; what has it elsewhere is not read. */
export function isSigningSecret(text: string): boolean {
  const bytes = Buffer.from(signingSecret.exec(text)?.[1] ?? '', 'base64').length;
  return bytes >= 24 && bytes <= 64;
}

const secret = z
  .string()
  .refine(
    (text) => secretPlace.test(text) || isSigningSecret(text),
    'expected whsec_ with 24 to 64 bytes in base64, or env:NAME, file:PATH or command:PROGRAM',
  );
/** An address alone, without a name: nothing in it can end a line or begin another address (RFC 5321 §4.1.2). */
const address = z
  .string()
  .max(254)
  .regex(/^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'expected one e-mail address');
const common = {
  /** All of them, where they are left out. */
  events: z
    .array(z.enum(notifiedEvents))
    .min(1)
    .max(4)
    .default([...notifiedEvents]),
  /** All accounts, where they are left out. */
  groups: z.array(z.string().min(1).max(1000)).min(1).max(10_000).optional(),
  batchMs: ms.optional(),
  tlsCaFile: z.string().min(1).max(4096).optional(),
};
const webhook = z
  .strictObject({
    kind: z.literal('webhook'),
    url: z
      .string()
      .max(4096)
      .refine(
        (text) => /^https?:\/\//i.test(text) && URL.canParse(text),
        'expected an address that begins with https://',
      ),
    allowHttp: z.boolean().default(false),
    secrets: z.array(secret).min(1, 'expected at least one secret').max(5),
    ...common,
  })
  .superRefine(({ url, allowHttp }, context) => {
    const issue = (message: string) => context.addIssue({ code: 'custom', path: ['url'], message });
    if (!URL.canParse(url)) return;
    const { username, password, hash } = new URL(url);
    if (username !== '' || password !== '')
      issue('expected no user and no password in the address: messages are signed');
    if (hash !== '') issue('expected nothing behind a # in the address');
    if (!allowHttp && !isSafeUrl(url))
      issue('with http:// everybody on the way reads along: use https://, or say allowHttp');
  });
const email = z
  .strictObject({
    kind: z.literal('email'),
    host: z
      .string()
      .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:.]+)$/, 'expected a host name'),
    port: z.number().int().min(1).max(65535).optional(),
    security: z.enum(['tls', 'starttls', 'none']).default('starttls'),
    user: z.string().min(1).max(1000).optional(),
    password: z.string().min(1).max(4096).optional(),
    from: address,
    to: z.array(address).min(1).max(100),
    ...common,
  })
  .superRefine(({ user, password }, context) => {
    if ((user === undefined) === (password === undefined)) return;
    context.addIssue({ code: 'custom', path: ['user'], message: 'user and password belong together: name both' });
  });

/** A webhook as it was written and checked. */
export type WebhookFields = Readonly<z.infer<typeof webhook>>;

/** E-mail as it was written and checked. */
export type EmailFields = Readonly<z.infer<typeof email>>;

/** Who is told. */
export type NotifyTarget = WebhookFields | EmailFields;

/** All settings of notifications, for the one schema. */
export const notifyShape = {
  notifications: z.record(
    z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, 'expected a name of letters, digits, dots and hyphens'),
    z.discriminatedUnion('kind', [webhook, email]),
  ),
  notifyBatchMs: ms,
  notifyMaxEvents: z.number().int().min(1).max(20_000),
  notifyAccountsMax: z.number().int().min(1).max(1000),
  notifyTimeoutMs: ms.max(600_000),
  notifyRetryWaitsMs: z.array(ms).min(1).max(20),
  notifyGiveUpMs: ms,
  notifySyncMs: ms.max(600_000),
  notifyPollMs: ms.min(50).max(60_000),
  notifyOutboxMax: z.number().int().min(100).max(1_000_000),
};
