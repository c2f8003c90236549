/** A file of provider profiles: what it says, and on which line. */
import { readFileSync } from 'node:fs';
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import { builtFacts } from '../ground/package-root.ts';
import type { Profile } from './profile-schema.ts';

/** Largest file of profiles, in characters. */
const maxFileLength = 4 * 1024 * 1024;

/** Things by their names, unchecked. */
export type Facts = Record<string, unknown>;

/** Whether something has names. */
export function isFacts(value: unknown): value is Facts {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a file says, and where in it something stands: `FILE line 7`. */
export interface FactsFile {
  readonly facts: Facts;
  place(path: readonly PropertyKey[]): string;
}

/** Reads a file, which is called `shown` in `problems`. Undefined where it cannot be used at all. */
export function readFacts(path: string, shown: string, problems: string[]): FactsFile | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    problems.push(`${shown} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}`);
    return undefined;
  }
  if (text.length > maxFileLength) {
    problems.push(`${shown} has more than ${maxFileLength} characters`);
    return undefined;
  }
  const built = builtFacts('providers.json', text);
  return built ? { facts: built, place: () => shown } : parsed(text, shown, problems);
}

/** The profiles of a file, as they were when the build had checked them; undefined for another file, and where nothing was built. */
export function readChecked(path: string): Profile[] | undefined {
  try {
    const built = builtFacts('profiles.json', readFileSync(path, 'utf8'));
    return built && (Object.values(built) as Profile[]);
  } catch {
    // Whoever reads it for its facts says so.
    return undefined;
  }
}

function parsed(text: string, shown: string, problems: string[]): FactsFile | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number) => `${shown} line ${lines.linePos(offset).line}`;
  for (const error of document.errors) problems.push(`${lineOf(error.pos[0])}: the YAML is malformed`);
  if (document.errors.length > 0) return undefined;
  if (document.contents !== null && !isMap(document.contents)) {
    problems.push(`${shown} must have the names of profiles, each with what is known of it`);
    return undefined;
  }
  const place = (path: readonly PropertyKey[]) => {
    const offset = offsetOf(document, path);
    return offset === undefined ? shown : lineOf(offset);
  };
  return { facts: (document.toJS() as Facts | null) ?? {}, place };
}

/** Where the innermost thing on a path begins that is in the document. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return undefined;
}
