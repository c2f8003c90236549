/** What a provider profile may say (config/providers.yaml), and what it must: every fact has a source and a date. */
import * as z from 'zod';

const cited = {
  source: z.string().min(3).max(120),
  /** A year, a month or a day. */
  date: z
    .union([z.string(), z.number()])
    .transform(String)
    .pipe(z.string().regex(/^20[0-9]{2}(-[0-9]{2}){0,2}$/, 'must be a year, YYYY-MM or YYYY-MM-DD')),
};

const label = '[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?';
const pattern = z
  .string()
  .max(253)
  .regex(new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})*$`), 'must be a name, or *. and a name, in lower case');
const names = z.strictObject({ names: z.array(pattern).min(1).max(200), ...cited });
const hostName = z
  .string()
  .max(253)
  .regex(new RegExp(`^(?:${label}\\.)*(?:${label}|\\{domain\\})$`), 'must be a host name, which may end in {domain}');

const door = z.strictObject({
  host: hostName.optional(),
  port: z.number().int().min(1).max(65535).optional(),
  // Never none: plain text is used only where the line says so (design §2).
  security: z.enum(['tls', 'starttls']).optional(),
  auth: z.array(z.enum(['password', 'app-password', 'oauth2'])).min(1),
  /** What the column pop_auth or imap_auth is where it is empty; `auto` when this is missing. */
  mechanism: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,20}$/, 'must be the name of a mechanism')
    .optional(),
  user: z.enum(['address', 'local']),
  ...cited,
});

const most = z.number().positive().max(Number.MAX_SAFE_INTEGER);
const value = z.strictObject({ value: most, ...cited });
const whole = z.strictObject({
  value: most.refine((number) => Number.isInteger(number), 'must be a whole number'),
  ...cited,
});
const said = z.strictObject({ text: z.string().min(10).max(400), ...cited });

const limits = z
  .strictObject({
    messageBytes: whole,
    connections: whole,
    connectionsPerAccount: whole,
    loginsPerSecond: value,
    messagesPerSecond: value,
    messagesPerSecondPerAccount: value,
    bytesPerSecond: value,
    downloadBytesPerDay: whole,
    uploadBytesPerDay: whole,
  })
  .partial();

const quirks = z
  .strictObject({
    /** A session lists only a part of the mail; the next one lists more. */
    drainSessions: said,
    /** What was fetched in a session that ended with QUIT is listed no more. */
    hidesFetched: said,
    popMustBeEnabled: said,
    imapMustBeEnabled: said,
    appPasswordNeeded: said,
    oauthOnly: said,
    webSignInFirst: said,
    /** A login that comes too soon is refused as if the password were wrong. */
    loginInterval: said,
    twoStepXoauth2: said,
    /** TOP does harm there, and is not sent. */
    topForbidden: said,
    sizesEstimated: said,
    inboxOnly: said,
    mergesDuplicates: said,
    rewritesMail: said,
    finalCrlfNeeded: said,
  })
  .partial();

/** One profile as its file has it. */
export const profileSchema = z
  .strictObject({
    title: z.string().min(2).max(100),
    hosts: names.optional(),
    domains: names.optional(),
    mx: names.optional(),
    pop: door.optional(),
    imap: door.optional(),
    limits: limits.default({}),
    quirks: quirks.default({}),
    advice: z.array(said).max(20).default([]),
  })
  .refine(({ pop, imap }) => pop !== undefined || imap !== undefined, 'must have pop or imap');

/** The name of a profile: what stands in pop_provider and imap_provider. */
export const profileName = /^[a-z][a-z0-9-]{1,30}$/;

/** What is known of one provider. */
export interface Profile extends Readonly<z.infer<typeof profileSchema>> {
  readonly name: string;
}

/** What a profile says of one side. */
export type ProfileDoor = NonNullable<Profile['pop']>;
/** The names of all quirks. */
export type QuirkName = keyof Profile['quirks'];
/** The names of all limits: messageBytes, and limits of budgets. */
export type LimitName = keyof Profile['limits'];
