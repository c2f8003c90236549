/** The programs that are measured, as plain JavaScript: a TypeScript loader in their start would be measured as well. */
import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Programs } from './rows.ts';

const run = promisify(execFile);

/** Compiles them into a directory outside of the tree. Throws with the compiler's words. */
export async function buildPrograms(root: string, directory: string): Promise<Programs & { delay: string }> {
  const built = join(directory, 'programs');
  await mkdir(built, { recursive: true });
  const sources = ['ceiling', 'durable', 'plain-loop', 'bare-uidl', 'delay-process'];
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      rootDir: join(root, 'test/bench'),
      outDir: built,
      typeRoots: [join(root, 'node_modules/@types')],
      incremental: false,
      tsBuildInfoFile: null,
      sourceMap: false,
    },
    files: sources.map((name) => join(root, `test/bench/${name}.ts`)),
    include: [],
  };
  const project = join(directory, 'programs.json');
  await writeFile(project, JSON.stringify(config));
  await writeFile(join(built, 'package.json'), '{"type":"module"}');
  await symlink(join(root, 'node_modules'), join(built, 'node_modules'));
  try {
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]);
  } catch (error) {
    throw new Error(`the programs of the benchmark do not compile: ${(error as { stdout?: string }).stdout}`);
  }
  const program = (name: string) => join(built, `${name}.js`);
  return {
    mailhaul: join(root, 'dist/src/cli.js'),
    ceiling: program('ceiling'),
    durable: program('durable'),
    loop: program('plain-loop'),
    profiles: join(directory, 'profiles'),
    uidl: program('bare-uidl'),
    delay: program('delay-process'),
  };
}
