/** Certificates for servers of the tests, made on the spot by openssl. */
import { execFileSync } from 'node:child_process';
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

/** Makes an authority and a certificate for `names` (subjectAltName; localhost and 127.0.0.1 unless told). */
export function makeCertificates(names = 'DNS:localhost,IP:127.0.0.1'): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'mailhaul-certificates-'));
  const path = (name: string) => join(directory, name);
  const make = (name: string, ...more: string[]) =>
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
        .concat(['-keyout', path(`${name}.key`), '-out', path(`${name}.pem`), '-subj', `/CN=${name}`])
        .concat(more),
      { stdio: 'pipe' },
    );
  try {
    make('authority', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
    const signer = ['-CA', path('authority.pem'), '-CAkey', path('authority.key')];
    make('server', ...signer, '-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=critical,CA:FALSE');
    const read = (name: string) => readFileSync(path(name), 'utf8');
    return { ca: read('authority.pem'), cert: read('server.pem'), key: read('server.key') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
