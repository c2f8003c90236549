/** docker-compose.yml as Compose understands it: anchors and `<<` in place, variables at their defaults. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A service, as far as the tests look at it. */
export interface Service {
  readonly image: string;
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly build?: { readonly context: string; readonly target: string };
  readonly deploy?: { readonly replicas: number };
}

/** The whole file. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** Reads it; `$$` is a dollar sign and `${NAME:-default}` the default (Compose: interpolation). */
export function readCompose(path = 'docker-compose.yml'): ComposeFile {
  const text = readFileSync(path, 'utf8');
  const filled = text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1').replaceAll('$$', '$');
  return parse(filled, { merge: true }) as ComposeFile;
}

/** The variables that the file asks the shell or an --env-file for. */
export function askedVariables(path = 'docker-compose.yml'): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/(?<!\$)\$\{(\w+)/g)].map((match) => match[1]!);
}

/** Milliseconds of a duration such as `1m` or `30s`. */
export function durationMs(text: string): number {
  const [, number, unit] = /^(\d+)(s|m|min)$/.exec(text) ?? [];
  return Number(number) * (unit === 's' ? 1000 : 60_000);
}
