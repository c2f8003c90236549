/** Unit files of systemd, as far as the tests have to understand them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a unit says of its process. */
export interface Unit {
  /** ExecStart, with its variables in place. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** LoadCredential: path by name. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** All lines `name=value` of a unit file and its drop-ins, in the order in which they count. */
export function unitLines(path: string): [name: string, value: string][] {
  const folder = `${path}.d`;
  const parts = existsSync(folder) ? readdirSync(folder).sort() : [];
  const texts = [path, ...parts.map((name) => join(folder, name))].map((file) => readFileSync(file, 'utf8'));
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => /^\w+=/.test(line));
  return lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
}

/** Reads a unit file with its drop-ins; `%d` stays as it is. */
export function readUnit(path: string): Unit {
  const lines = unitLines(path);
  const values = (name: string) => lines.filter(([line]) => line === name).map(([, value]) => value);
  const pairs = (texts: string[], by: string) =>
    Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf(by)), text.slice(text.indexOf(by) + 1)]));
  const environment = pairs(values('Environment'), '=');
  // systemd.service(5): ${NAME} is one word whatever it holds, $NAME as a word of its own is split and may be none.
  const command = (values('ExecStart').at(-1) ?? '').split(' ').flatMap((word) => {
    const [, whole, split] = /^\$\{(\w+)\}$|^\$(\w+)$/.exec(word) ?? [];
    if (whole !== undefined) return [environment[whole] ?? ''];
    return split === undefined ? [word] : (environment[split] ?? '').split(' ').filter(Boolean);
  });
  return { command, environment, credentials: pairs(values('LoadCredential'), ':') };
}
