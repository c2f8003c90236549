/** Certificates for servers of the tests, made on the spot by openssl. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An authority and a server certificate that it signed, as PEM text. */
export interface Certificates {
  /** The authority's certificate: what a client must trust. */
  ca: string;
  cert: string;
  key: string;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Runs openssl in a directory of its own; `read` gives what it left there. */
function withOpenssl<T>(work: (run: (...args: string[]) => void, read: (name: string) => string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'mailhaul-certificates-'));
  try {
    return work(
      (...args) => void execFileSync('openssl', args, { stdio: 'pipe', cwd: directory }),
      (name) => readFileSync(join(directory, name), 'utf8'),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Makes an authority and a certificate for `names` (subjectAltName; localhost and 127.0.0.1 unless told). */
export function makeCertificates(names = 'DNS:localhost,IP:127.0.0.1'): Certificates {
  return withOpenssl((run, read) => {
    const make = (name: string, ...more: string[]) =>
      run('req', '-x509', ...newKey, '-days', '2', '-keyout', `${name}.key`, '-out', `${name}.pem`, ...more);
    make('authority', '-subj', '/CN=authority', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
    const signer = ['-CA', 'authority.pem', '-CAkey', 'authority.key'];
    const leaf = ['-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=critical,CA:FALSE'];
    make('server', '-subj', '/CN=server', ...signer, ...leaf);
    return { ca: read('authority.pem'), cert: read('server.pem'), key: read('server.key') };
  });
}

/**
 * A certificate that signed itself, for localhost and 127.0.0.1, as `ca` too. Its last day is so many days away:
 * yesterday with -1. With an RSA key and SHA-1 it is one of the old days.
 */
export function makeSelfSigned(days = 2, old = false): Certificates {
  return withOpenssl((run, read) => {
    const key = old ? ['-newkey', 'rsa:768', '-nodes', '-sha1'] : newKey;
    const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    run('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost', ...names);
    const sign = ['-signkey', 'server.key', '-days', String(days), old ? '-sha1' : '-sha256'];
    run('x509', '-req', '-in', 'server.csr', '-copy_extensions', 'copy', ...sign, '-out', 'server.pem');
    return { ca: read('server.pem'), cert: read('server.pem'), key: read('server.key') };
  });
}

/** A certificate by which an app is known, and its RSA key. Its last day is so many days away: yesterday with -1. */
export function makeAppCertificate(days = 2): Pick<Certificates, 'cert' | 'key'> {
  return withOpenssl((run, read) => {
    run('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'app.key', '-out', 'app.csr', '-subj', '/CN=app');
    run('x509', '-req', '-in', 'app.csr', '-signkey', 'app.key', '-days', String(days), '-out', 'app.pem');
    return { cert: read('app.pem'), key: read('app.key') };
  });
}

/** The fingerprint of a certificate, as openssl prints it. */
export function fingerprintOf({ cert }: Pick<Certificates, 'cert'>): string {
  return new X509Certificate(cert).fingerprint256;
}
