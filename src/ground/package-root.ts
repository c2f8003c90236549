/** Where the package lies, for the files that it carries beside its code, and what it says of itself. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hexDigest } from './digest.ts';

/**
 * The absolute path of the directory that holds package.json and config/: the same whether the code runs from src or,
 * built, from dist/src.
 */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'config')) || !existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('package.json and config are missing above the program');
    folder = parent;
  }
  return folder;
}

/** The version of this program, as package.json has it. */
export function programVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * What the build made of this very text, in dist/`name`: reading YAML takes longer than all else that a short command
 * does. Undefined for any other text, and where nothing was built.
 */
export function builtFacts(name: string, text: string): Record<string, unknown> | undefined {
  try {
    const { of, facts } = JSON.parse(readFileSync(join(packageRoot(), 'dist', name), 'utf8')) as Built;
    return of === hexDigest(32, text) ? facts : undefined;
  } catch {
    return undefined;
  }
}

interface Built {
  readonly of: string;
  readonly facts: Record<string, unknown>;
}
