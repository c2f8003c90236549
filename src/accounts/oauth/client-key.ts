/** The key that an app signs with in the place of a client secret, and the certificate by which it is known (RFC 7523 §2.2). */
import { createHash, createPrivateKey, type KeyObject, subtle, type webcrypto, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { MailhaulError } from '../../ground/errors.ts';
import type { OAuthProvider } from '../../ground/settings-oauth.ts';
import { readKeyFile } from './key-file.ts';

/** RFC 7518 §3.3 and §3.5: no shorter key signs. */
const leastBits = 2048;

/** A key that signs and cannot be taken out again, and the fields of the header that say which it is. */
export interface ClientKey {
  readonly key: webcrypto.CryptoKey;
  readonly header: Readonly<Record<string, string>>;
}

/** What of a provider is about its key. */
type KeyFields = Pick<OAuthProvider, 'clientKeyFile' | 'clientCertFile' | 'clientKeyAlgorithm'>;

/**
 * Reads the key of the provider `name`; undefined where it has none. `now` is compared with the end of the certificate.
 * Throws `oauth-key-unusable`, which quotes nothing of the files.
 */
export async function readClientKey(name: string, fields: KeyFields, now: number): Promise<ClientKey | undefined> {
  const { clientKeyFile, clientCertFile, clientKeyAlgorithm = 'RS256' } = fields;
  if (clientKeyFile === undefined) return undefined;
  const fail = (reason: string) => new MailhaulError('oauth-key-unusable', { provider: `oauth2:${name}`, reason });
  const path = resolve(clientKeyFile);
  const key = privateKey(await readKeyFile(path, fail), path, fail);
  const header = { typ: 'JWT' };
  const scheme = clientKeyAlgorithm === 'PS256' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5';
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const signing = await subtle.importKey('pkcs8', der, { name: scheme, hash: 'SHA-256' }, false, ['sign']);
  if (clientCertFile === undefined) return { key: signing, header };
  const certPath = resolve(clientCertFile);
  const certificate = certificateIn(await readKeyFile(certPath, fail), certPath, fail);
  if (!certificate.checkPrivateKey(key)) throw fail(`the certificate ${certPath} does not belong to the key ${path}`);
  if (Date.parse(certificate.validTo) < now) {
    throw fail(`the certificate ${certPath} ended at ${new Date(certificate.validTo).toISOString()}`);
  }
  return { key: signing, header: { ...header, ...thumbprints(certificate) } };
}

function privateKey(pem: string, path: string, fail: (reason: string) => Error): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // RFC 7468 §11, and the older form of openssl.
    const sealed = /^(?:-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED)/m.test(pem);
    throw fail(sealed ? `the key ${path} has a passphrase` : `the file ${path} holds no private key as PEM text`);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType === 'rsa' && bits >= leastBits) return key;
  throw fail(`the key ${path} is no RSA key of at least ${leastBits} bits`);
}

function certificateIn(pem: string, path: string, fail: (reason: string) => Error): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw fail(`the file ${path} holds no certificate as PEM text`);
  }
}

/** RFC 7515 §4.1.7 and §4.1.8: by these a provider finds the certificate. Microsoft names the one or the other. */
function thumbprints({ raw }: X509Certificate): Record<string, string> {
  const of = (hash: string) => createHash(hash).update(raw).digest('base64url');
  return { x5t: of('sha1'), 'x5t#S256': of('sha256') };
}
