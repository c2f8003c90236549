/** What single columns of a line mean: hosts, ports, mechanisms, passwords, files and fingerprints. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Cells } from './cells.ts';
import { hostName } from './host-name.ts';
import { SecretRef } from './secret.ts';

/** The host of a column; undefined, and a complaint, for none or a wrong one. */
export function hostOf(cells: Cells, column: string): string | undefined {
  const text = cells.of(column).toLowerCase();
  if (text === '') {
    cells.complain(`${column} is missing`);
    return undefined;
  }
  const host = hostName(text);
  if (host === undefined) cells.complainOf(column, 'a host name or an IP address');
  return host;
}

/** The port of a column, or `otherwise` where it is empty. */
export function portOf(cells: Cells, column: string, otherwise: number): number {
  const text = cells.of(column);
  if (text === '') return otherwise;
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) cells.complainOf(column, '1 to 65535');
  return port;
}

/** `auto`, the name of a mechanism in capitals, or `oauth2:NAME`. */
export function authOf(cells: Cells, column: string): string {
  const text = cells.of(column) || 'auto';
  const [, provider] = /^oauth2:(.*)$/i.exec(text) ?? [];
  if (provider !== undefined) return oauthOf(cells, column, provider.trim());
  // RFC 4422 §3.1: capitals, digits, hyphens and underscores, at most 20.
  if (!/^[a-z0-9_-]{1,20}$/i.test(text)) cells.complainOf(column, 'auto, the name of a mechanism or oauth2:NAME');
  return /^auto$/i.test(text) ? 'auto' : text.toUpperCase();
}

/** A name that the settings do not have is told with those that they have. */
function oauthOf(cells: Cells, column: string, name: string): string {
  const { oauthNames } = cells.context;
  if (!oauthNames.includes(name)) {
    const there = oauthNames.length === 0 ? 'nothing stands there' : `there are ${oauthNames.join(', ')}`;
    cells.complainOf(column, `oauth2: with a name under oauth in the settings, where ${there}`);
  }
  return `oauth2:${name}`;
}

/** Where the password is; undefined, and a complaint, for none or a wrong one. */
export function passwordOf(cells: Cells, column: string): SecretRef | undefined {
  const text = cells.of(column);
  if (text === '') {
    cells.complain(`${column} is missing`);
    return undefined;
  }
  const secret = SecretRef.parse(text, cells.context.folder);
  if (secret instanceof SecretRef) return secret;
  cells.complain(`${column} ${secret.wrong}`);
  return undefined;
}

/** The absolute path of the PEM file of a column. */
export function authorityOf(cells: Cells, column: string): string | undefined {
  const text = cells.of(column);
  if (text === '') return undefined;
  const { folder, authorities } = cells.context;
  const path = resolve(folder, text);
  if (!authorities.has(path)) authorities.set(path, wrongAuthority(path));
  const wrong = authorities.get(path);
  if (wrong !== undefined) cells.complainOf(column, `a readable PEM file with a certificate: ${wrong}`);
  return path;
}

/** As `openssl x509 -noout -fingerprint -sha256` prints it, with its beginning or without. */
export function pinOf(cells: Cells, column: string, security: string): string | undefined {
  const text = cells.of(column);
  if (text === '') return undefined;
  const digits = text.replace(/^sha256 fingerprint=/i, '').replaceAll(':', '');
  if (!/^[0-9a-f]{64}$/i.test(digits)) cells.complainOf(column, 'a SHA-256 fingerprint of 64 hexadecimal digits');
  if (security === 'none') cells.complain(`${column} is for TLS, and ${column.replace('tls_pin', 'security')} is none`);
  return digits.toLowerCase();
}

function wrongAuthority(path: string): string | undefined {
  try {
    return /-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(readFileSync(path, 'latin1'))
      ? undefined
      : 'there is none in it';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'it cannot be read';
  }
}
