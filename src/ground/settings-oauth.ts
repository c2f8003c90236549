/** The setting `oauth`: where access tokens come from, and the schema that finds what is wrong with it. */
import * as z from 'zod';

/** How a token is obtained: for a whole tenant, by a person's consent, or by a key that may speak for every user. */
export type OAuthKind = 'client-credentials' | 'refresh-token' | 'service-account';

/** One provider as it was written and checked. */
export type OAuthFields = Readonly<z.infer<typeof fields>>;

/** A provider with what its preset supplies. */
export type OAuthProvider = Omit<OAuthFields, 'preset' | 'tenant'>;

const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Whether secrets may go there: https, or a server on this machine. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && loopback.has(hostname));
}

const address = z
  .string()
  .refine(isSafeUrl, 'expected an address that begins with https:// (http:// only on this machine)');
const text = z.string().min(1);

const fields = z
  .strictObject({
    kind: z.enum(['client-credentials', 'refresh-token', 'service-account']),
    preset: z.enum(['microsoft', 'google']).optional(),
    tenant: z
      .string()
      .regex(/^[\w.-]{1,253}$/, 'expected the id or a domain of the tenant')
      .optional(),
    issuer: address.optional(),
    tokenUrl: address.optional(),
    authorizationUrl: address.optional(),
    deviceUrl: address.optional(),
    clientId: text.optional(),
    clientSecret: text.optional(),
    clientAuth: z.enum(['post', 'basic']).default('post'),
    clientKeyFile: text.optional(),
    clientCertFile: text.optional(),
    clientKeyAlgorithm: z.enum(['RS256', 'PS256']).optional(),
    scope: text.optional(),
    redirectUrl: z
      .string()
      .refine((url) => url.startsWith('http:') && isSafeUrl(url), 'expected http://localhost or the like')
      .optional(),
    keyFile: text.optional(),
  })
  .superRefine((given, context) => {
    for (const message of faultsOf(given)) context.addIssue({ code: 'custom', message });
  });

/** The schema of the setting: providers by the name that `oauth2:NAME` in the account list has. */
export const oauthSchema = z.record(
  z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, 'expected a name of letters, digits, dots and hyphens'),
  fields,
);

/** The app, and how it shows that it is the one. */
const app = ['clientId', 'clientSecret', 'clientAuth', 'clientKeyFile', 'clientCertFile', 'clientKeyAlgorithm'];
/** Fields that a kind has beside those of all. */
const fieldsOf: Readonly<Record<OAuthKind, readonly string[]>> = {
  'client-credentials': [...app, 'tenant'],
  'refresh-token': [...app, 'tenant', 'authorizationUrl', 'deviceUrl', 'redirectUrl'],
  'service-account': ['clientId', 'clientSecret', 'clientAuth', 'keyFile'],
};
const always = ['kind', 'preset', 'issuer', 'tokenUrl', 'scope'];

function faultsOf(given: z.infer<typeof fields>): string[] {
  const { kind, preset } = given;
  const own = fieldsOf[kind];
  const faults = Object.entries(given)
    .filter(([name, value]) => value !== undefined && ![...always, ...own].includes(name))
    .map(([name]) => `${name} has no meaning for the kind ${kind}`);
  const needs = (name: string, found: unknown) => {
    if (found === undefined) faults.push(`the kind ${kind} needs ${name}`);
  };
  const found = withPreset(given);
  if (kind !== 'service-account') {
    needs('clientId', found.clientId);
    needs('tokenUrl, issuer or preset', found.tokenUrl ?? found.issuer);
  }
  if (kind === 'client-credentials') {
    needs('clientSecret or clientKeyFile', found.clientSecret ?? found.clientKeyFile);
    if (preset === 'microsoft') needs('tenant', given.tenant);
  }
  if (kind === 'refresh-token') {
    needs('authorizationUrl, deviceUrl or issuer', found.authorizationUrl ?? found.deviceUrl ?? found.issuer);
  }
  if (kind === 'service-account') needs('keyFile', found.keyFile);
  if (kind !== 'client-credentials') needs('scope', found.scope);
  faults.push(...keyFaults(given));
  if (given.tenant !== undefined && preset !== 'microsoft') faults.push('tenant goes with the preset microsoft');
  if (kind === 'service-account' && preset === 'microsoft') faults.push('Microsoft has no such kind');
  if (kind === 'client-credentials' && preset === 'google') faults.push('Google has no such kind: see service-account');
  return faults;
}

/** An app shows a secret or signs with a key, never both. */
function keyFaults({ preset, clientSecret, clientKeyFile, clientCertFile, clientKeyAlgorithm }: OAuthFields): string[] {
  if (clientKeyFile === undefined) {
    const lone = { clientCertFile, clientKeyAlgorithm };
    return Object.entries(lone)
      .filter(([, value]) => value !== undefined)
      .map(([name]) => `${name} goes with clientKeyFile`);
  }
  const faults: string[] = [];
  if (clientSecret !== undefined) faults.push('clientSecret and clientKeyFile exclude each other');
  if (preset === 'microsoft' && clientCertFile === undefined) {
    faults.push('at Microsoft clientKeyFile needs clientCertFile, the certificate that was uploaded there');
  }
  return faults;
}

/** The provider with what its preset supplies; what was written wins. */
export function withPreset({ preset, tenant, ...given }: OAuthFields): OAuthProvider {
  if (preset === 'microsoft') return { ...microsoft(given.kind, tenant ?? 'common'), ...given };
  if (preset === 'google') return { ...google, ...given };
  return given;
}

/** What Microsoft documents for POP and IMAP (Exchange Online, legacy protocols with OAuth, 2026-06). */
function microsoft(kind: OAuthKind, tenant: string) {
  const base = `https://login.microsoftonline.com/${tenant}`;
  const mail = 'https://outlook.office.com';
  return {
    issuer: `${base}/v2.0`,
    tokenUrl: `${base}/oauth2/v2.0/token`,
    authorizationUrl: `${base}/oauth2/v2.0/authorize`,
    deviceUrl: `${base}/oauth2/v2.0/devicecode`,
    // Microsoft identity platform, page on certificate credentials; it had RS256 before.
    clientKeyAlgorithm: 'PS256' as const,
    // Microsoft compares a registered http://localhost without its port.
    redirectUrl: 'http://localhost',
    scope:
      kind === 'client-credentials'
        ? 'https://outlook.office365.com/.default'
        : `${mail}/POP.AccessAsUser.All ${mail}/IMAP.AccessAsUser.All offline_access`,
  };
}

// Without a device address: Google gives the scope of mail to no device.
const google = {
  issuer: 'https://accounts.google.com',
  tokenUrl: 'https://oauth2.googleapis.com/token',
  authorizationUrl: 'https://accounts.google.com/o/oauth2/v2/auth',
  scope: 'https://mail.google.com/',
};
