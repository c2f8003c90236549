/** The signed assertion of a service account (RFC 7523). This file owns jose. */
import { importPKCS8, SignJWT } from 'jose';
import * as z from 'zod';
import { MailhaulError } from '../../ground/errors.ts';
import { isSafeUrl } from '../../ground/settings-oauth.ts';
import { readKeyFile } from './key-file.ts';

/** RFC 7523 §3: short; Google takes an hour at most, and the exchange follows at once. */
const lifeSeconds = 600;

const keyFileSchema = z.object({
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  token_uri: z.string().refine(isSafeUrl).optional(),
});

/** What stands in the key file of a service account. Never log it. */
export type ServiceKey = z.infer<typeof keyFileSchema>;

/** Reads a key file as Google gives it out (JSON). Throws `secret-missing`, which quotes nothing of it. */
export async function readServiceKey(path: string, who: string): Promise<ServiceKey> {
  const missing = (reason: string) => new MailhaulError('secret-missing', { who, reason });
  const text = await readKeyFile(path, missing);
  try {
    return keyFileSchema.parse(JSON.parse(text));
  } catch {
    throw missing(`the key file ${path} is not the JSON of a service account with client_email and private_key`);
  }
}

/** The assertion that speaks for `subject`, for one use now. Throws `secret-missing` where the key cannot sign. */
export async function signAssertion(
  key: ServiceKey,
  { subject, audience, scope, who }: { subject: string; audience: string; scope: string | undefined; who: string },
): Promise<string> {
  try {
    const header = { alg: 'RS256', typ: 'JWT', ...(key.private_key_id !== undefined && { kid: key.private_key_id }) };
    return await new SignJWT(scope === undefined ? {} : { scope })
      .setProtectedHeader(header)
      .setIssuer(key.client_email)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(`${lifeSeconds}s`)
      .sign(await importPKCS8(key.private_key, 'RS256'));
  } catch {
    throw new MailhaulError('secret-missing', { who, reason: 'private_key in its key file is no RSA key in PKCS #8' });
  }
}
