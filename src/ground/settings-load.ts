/** Where the settings come from: the defaults, a file, variables and options, each winning over the one before. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isMap, isNode, isScalar, LineCounter, parse, parseDocument } from 'yaml';
import type { z } from 'zod';
import { MailhaulError, printable } from './errors.ts';
import { editDistance, nearest } from './nearest.ts';
import { builtFacts, packageRoot } from './package-root.ts';
import { mergedSettings, type Settings, settingsSchema } from './settings.ts';

/** Settings as they are used: the data directory is known and absolute. */
export type LoadedSettings = Settings & { readonly dataDir: string };

/** A value somebody gave to a setting, and the place a person can find it: `mail.yaml line 3`, `MAILHAUL_REDIS`, `--redis`. */
interface Given {
  value: unknown;
  source: string;
  /** What the build made of config/default.yaml: the schema has nothing to say to that, nor to change (a test sees to it). */
  isBuilt?: true;
  /** Where a part of the value stands, if that can be told more exactly. */
  sourceOf?: (path: readonly PropertyKey[]) => string;
  /** Where `value` is joined with what was there before: what this place gave itself, and what it was added to. */
  joined?: { own: unknown; under: Given };
}

type Name = keyof Settings;
const names = Object.keys(settingsSchema.shape) as Name[];
const isName = (name: string): name is Name => Object.hasOwn(settingsSchema.shape, name);

/** The variable that sets a setting: spoolMaxBytes is MAILHAUL_SPOOL_MAX_BYTES. */
export function variableName(setting: string): string {
  return `MAILHAUL_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * The settings of this start: config/default.yaml < `configFile` < MAILHAUL_… variables < `options` (undefined ones
 * do not count). An empty variable counts as not set. A relative `dataDir` is taken from the working directory.
 * Throws `settings-invalid`, whose `reason` names every mistake with its source, one a line.
 */
export function loadSettings(from: {
  configFile?: string | undefined;
  env: NodeJS.ProcessEnv;
  options: { readonly [K in Name]?: Settings[K] | undefined };
}): LoadedSettings {
  const problems: string[] = [];
  const given = new Map<Name, Given>();
  const defaults = join(packageRoot(), 'config', 'default.yaml');
  readYaml(defaults, 'config/default.yaml', given, problems);
  if (from.configFile !== undefined) readYaml(from.configFile, from.configFile, given, problems);
  readVariables(from.env, given, problems);
  readOptions(from.options, given, problems);
  const settings: Record<string, unknown> = {};
  for (const name of names) {
    const entry = given.get(name);
    if (!entry) {
      problems.push(`config/default.yaml: ${name} is missing`);
      continue;
    }
    if (entry.isBuilt) {
      settings[name] = entry.value;
      continue;
    }
    const result = settingsSchema.shape[name].safeParse(entry.value);
    if (result.success) settings[name] = result.data;
    else problems.push(...distinct(result.error.issues).map((issue) => complaint(name, entry, issue)));
  }
  if (problems.length > 0) throw new MailhaulError('settings-invalid', { reason: problems.join(';\n') });
  const dataDir = resolve((settings['dataDir'] as string | null) ?? defaultDataDir(from.env, process.getuid?.()));
  return Object.freeze({ ...(settings as Settings), dataDir });
}

/** The data directory of somebody who named none; `uid` is undefined on systems that have none. */
export function defaultDataDir(env: NodeJS.ProcessEnv, uid: number | undefined): string {
  if (uid === 0) return '/var/lib/mailhaul';
  const state = env['XDG_STATE_HOME'];
  // XDG Base Directory Specification: paths must be absolute, a relative one is to be ignored.
  if (state?.startsWith('/')) return join(state, 'mailhaul');
  return join(env['HOME'] || homedir(), '.local', 'state', 'mailhaul');
}

/** Enters what somebody gave: over what was there, or on top of it where the setting is a map of maps. */
function give(given: Map<Name, Given>, name: Name, top: Given): void {
  const under = given.get(name);
  if (!under || !mergedSettings.includes(name)) given.set(name, top);
  else given.set(name, { ...top, value: merged(under.value, top.value), joined: { own: top.value, under } });
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Maps are joined name by name; anything else on top replaces what is under it. */
function merged(under: unknown, top: unknown): unknown {
  if (!isPlainMap(under) || !isPlainMap(top)) return top;
  const joined = new Map(Object.entries(under));
  for (const [name, value] of Object.entries(top)) joined.set(name, merged(joined.get(name), value));
  return Object.fromEntries(joined);
}

/** Puts every setting of a YAML file into `given`. The text of the file is never quoted: it may hold a password. */
function readYaml(path: string, shown: string, given: Map<Name, Given>, problems: string[]): void {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    problems.push(`${shown} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}`);
    return;
  }
  const built = builtFacts('default.json', text);
  if (built) {
    for (const [name, value] of Object.entries(built)) {
      if (isName(name)) give(given, name, { value, source: shown, isBuilt: true });
    }
    return;
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${shown} line ${lines.linePos(offset).line}`;
  for (const error of document.errors) {
    problems.push(`${at(error.pos[0])}: the YAML is malformed (${error.code.toLowerCase().replaceAll('_', ' ')})`);
  }
  const root = document.contents;
  if (document.errors.length > 0 || root === null || (isScalar(root) && root.value === null)) return;
  if (!isMap(root)) {
    problems.push(`${shown} must be a list of "name: value" lines`);
    return;
  }
  for (const pair of root.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : '?';
    const place = isScalar(pair.key) && pair.key.range ? at(pair.key.range[0]) : shown;
    if (!isName(key)) problems.push(unknown(place, key, names));
    else {
      try {
        const sourceOf = (path: readonly PropertyKey[]) => {
          const offset = offsetOf(document, [key, ...path]);
          return offset === undefined ? place : at(offset);
        };
        give(given, key, { value: toPlain(pair.value, document), source: place, sourceOf });
      } catch {
        problems.push(`${place}: ${key} refers to an anchor that is not there or too often`);
      }
    }
  }
}

/** Where the innermost node on the way to a value begins that stands in the file itself, and not behind an alias. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 1; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return undefined;
}

function toPlain(node: unknown, document: ReturnType<typeof parseDocument>): unknown {
  const value = node as { toJS?: (of: typeof document) => unknown } | null;
  return value?.toJS ? value.toJS(document) : null;
}

function readVariables(env: NodeJS.ProcessEnv, given: Map<Name, Given>, problems: string[]): void {
  const settingOf = new Map(names.map((name) => [variableName(name), name]));
  for (const variable of Object.keys(env).sort()) {
    if (!variable.startsWith('MAILHAUL_')) continue;
    const setting = settingOf.get(variable);
    const text = env[variable];
    if (setting !== undefined) {
      if (text) give(given, setting, { value: variableValue(setting, text), source: variable });
    } else if (isMisspelt(variable, [...settingOf.keys()])) {
      problems.push(unknown(variable, variable, [...settingOf.keys()]));
    }
  }
}

/** Other MAILHAUL_ variables are nobody's mistake: passwords that the account list names with env:, say. */
function isMisspelt(variable: string, known: string[]): boolean {
  return known.some((name) => editDistance(variable, name, 2) <= 2);
}

/** A text is taken as it is where the setting takes text, so that `#` or `: ` in a path or URL needs no quoting. */
function variableValue(setting: Name, text: string): unknown {
  let value: unknown = text;
  try {
    value = parse(text, { prettyErrors: false });
  } catch {
    return text;
  }
  const takesText = settingsSchema.shape[setting].safeParse(text).success;
  return takesText && value !== null && !/^["']/.test(text) ? text : value;
}

function readOptions(options: Record<string, unknown>, given: Map<Name, Given>, problems: string[]): void {
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const source = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (isName(key)) give(given, key, { value, source });
    else problems.push(unknown(source, key, names));
  }
}

function unknown(source: string, key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  return `${source}: there is no setting ${printable(key, 60)}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

/** What is of the wrong kind is not also too long or too short: that would be said of the length of a text, say. */
function distinct(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  const wrongKind = new Set(issues.filter(({ code }) => code === 'invalid_type').map(({ path }) => path.join('\0')));
  const isLength = ({ code }: z.core.$ZodIssue) => code === 'too_big' || code === 'too_small';
  return issues.filter((issue) => !(isLength(issue) && wrongKind.has(issue.path.join('\0'))));
}

/** One line for one thing the schema found. Values that may hold a password are not shown. */
function complaint(name: Name, given: Given, issue: z.core.$ZodIssue): string {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
  if (given.joined && valueAt(given.joined.own, path) === undefined) return complaint(name, given.joined.under, issue);
  const place = printable([name, ...issue.path.map(String)].join('.'));
  const source = given.sourceOf?.(issue.path) ?? given.source;
  const secret =
    ['redis', 'defaults', 'connections', 'oauth', 'notifications'].includes(name) || name.endsWith('Password');
  const shown = mergedSettings.includes(name) ? valueAt(given.value, issue.path) : given.value;
  const value = secret ? '' : ` is ${printable(JSON.stringify(shown) ?? String(shown), 60)}`;
  return `${source}: ${place}${value}: ${issue.message.replace(/^Invalid (input|option): /, '')}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, name) => (at as Record<PropertyKey, unknown> | null | undefined)?.[name], value);
}
