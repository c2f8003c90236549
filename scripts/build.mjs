#!/usr/bin/env node
// Builds dist/: checks the types, then puts the program and the packages it uses into a few files, because loading
// hundreds of small ones takes longer than a short run. dist/ and config/ are all that the program needs to run.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'dist');

const tsc = join(root, 'node_modules/typescript/bin/tsc');
// The page's types rest on the program's, so that both are checked.
const types = spawnSync(process.execPath, [tsc, '--build', 'src/dashboard/web'], { cwd: root, stdio: 'inherit' });
if (types.status !== 0) process.exit(types.status ?? 1);

// Not before the packages are installed: whoever has none gets the compiler's complaint.
const { build } = await import('esbuild');
const { buildProgram } = await import('./build-program.mjs');
const made = new Set([...(await buildProgram(root)), ...(await buildPage())]);
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  const path = relative(folder, join(entry.parentPath, entry.name));
  if (entry.isFile() && !made.has(path)) rmSync(join(folder, path));
}

// Settings and provider profiles as JSON, for as long as their texts are these (builtFacts in src/ground/package-root.ts).
const { parse } = await import('yaml');
for (const name of ['default', 'providers']) writeFacts(name, name, parse);
const profiles = await checkedProfiles();
writeFacts('profiles', 'providers', () => profiles);

/** Writes what is made of the text of a file in config/. */
function writeFacts(name, ofFile, make) {
  const text = readFileSync(join(root, `config/${ofFile}.yaml`), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  const of = createHash('sha256').update(length).update(text).digest('hex');
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ of, facts: make(text) }));
}

/** The provider profiles as the program has them when it has checked them, by name. */
async function checkedProfiles() {
  const checker = join(folder, 'check-profiles.mjs');
  const shared = { bundle: true, platform: 'node', target: 'node20', packages: 'external', logLevel: 'warning' };
  await build({ ...shared, entryPoints: [join(root, 'src/accounts/profiles.ts')], outfile: checker, format: 'esm' });
  const { readProfiles } = await import(pathToFileURL(checker).href);
  rmSync(checker);
  return Object.fromEntries(readProfiles().all.map((profile) => [profile.name, profile]));
}

// The files of the page of the queues (src/dashboard/queues-page.ts): bull-board reads them at run time.
cpSync(join(root, 'node_modules/@bull-board/ui/dist'), join(folder, 'queues-page'), { recursive: true });

/**
 * The dashboard's page: one script and one style sheet, named by what is in them so that browsers may keep them, and all
 * of it compressed beforehand. Gives the paths in dist/.
 */
async function buildPage() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [
      { in: 'src/dashboard/web/app.tsx', out: 'app' },
      { in: 'src/dashboard/web/style.css', out: 'app' },
    ],
    outdir: 'dist/dashboard',
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    tsconfig: 'src/dashboard/web/tsconfig.json',
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
  });
  const files = outputFiles.map(({ path, contents }) => [relative(join(folder, 'dashboard'), path), contents]);
  const named = (ending) => files.find(([name]) => name.endsWith(ending))[0];
  const page = readFileSync(join(root, 'src/dashboard/web/page.html'), 'utf8')
    .replace('app.tsx', named('.js'))
    .replace('style.css', named('.css'));
  files.push(['index.html', Buffer.from(page)]);
  mkdirSync(join(folder, 'dashboard'), { recursive: true });
  return files.flatMap(([name, contents]) => {
    const path = join('dashboard', name);
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
    writeFileSync(join(folder, path), contents);
    writeFileSync(join(folder, `${path}.br`), brotliCompressSync(contents, quality));
    writeFileSync(join(folder, `${path}.gz`), gzipSync(contents, { level: 9 }));
    return [path, `${path}.br`, `${path}.gz`];
  });
}

// After all else: the program runs for it.
const { compileProgram } = await import('./build-program.mjs');
await compileProgram(root);
