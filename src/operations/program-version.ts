/** The version of this program. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../ground/package-root.ts';

/** As package.json has it. */
export function programVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}
