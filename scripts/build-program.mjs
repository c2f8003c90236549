// The program in dist/src: a few parts that src/start-up.ts loads, and what V8 makes of them.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { build, transform } from 'esbuild';

/** The parameters of every part, as `Body` in src/start-up.ts has them. */
const head = '(function (exports, require, module, __filename, __dirname, mailhaulUrl) {';

/** How esbuild hands out what a part exports: by one getter on the other, where one is enough; both of one length, for the map. */
const twice = 'mod=>__copyProps(__defProp({},"__esModule",{value:true}),mod);';
const once = 'mod=>__defProp(mod,"__esModule",{value:true});'.padEnd(twice.length);

const shared = { bundle: true, platform: 'node', target: 'node20', legalComments: 'none', logLevel: 'warning' };

/** Puts the program and the packages it uses into parts. Gives the paths in dist/. */
export async function buildProgram(root) {
  const { outputFiles, metafile } = await build({
    ...shared,
    absWorkingDir: root,
    entryPoints: ['src/cli.ts'],
    outdir: 'dist/src/parts',
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    splitting: true,
    format: 'esm',
    sourcemap: 'inline',
    sourcesContent: false,
    metafile: true,
    write: false,
    // bull-board finds its files with eval, unless it is told where they are, as src/dashboard/queues-page.ts does.
    logOverride: { 'direct-eval': 'silent' },
  });
  const parts = join(root, 'dist/src/parts');
  // With what V8 made of the last ones.
  rmSync(parts, { recursive: true, force: true });
  mkdirSync(parts, { recursive: true });
  const made = [];
  for (const { path, text } of outputFiles) made.push(...(await writePart(path, text)));
  const [main] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === 'src/cli.ts');
  const start = join(root, 'dist/src/cli.js');
  await build({
    ...shared,
    absWorkingDir: root,
    entryPoints: ['src/start-up.ts'],
    outfile: start,
    format: 'esm',
    define: { mailhaulMain: JSON.stringify(basename(main)) },
  });
  chmodSync(start, 0o755);
  return [start, ...made].map((path) => relative(join(root, 'dist'), path));
}

/** One part as the body of a function, with a map to its sources. */
async function writePart(path, text) {
  const { code, map } = await transform(text, {
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // Promises of `require`, so that a part that is loaded later comes the same way.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'mailhaulUrl' },
    banner: head,
    footer: '})',
    // Without comments, which are the only text that is not ASCII.
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: 'none',
    sourcefile: basename(path),
    sourcemap: 'external',
    sourcesContent: false,
    logLevel: 'warning',
  });
  if (!/^[\x00-\x7f]*$/.test(code)) throw new Error(`${path} is not ASCII, as src/start-up.ts reads it`);
  if (code.includes('__toCommonJS') && !code.includes(twice)) throw new Error(`esbuild exports ${path} in another way`);
  writeFileSync(path, `${code.replace(twice, once)}//# sourceMappingURL=${basename(path)}.map\n`);
  writeFileSync(`${path}.map`, map);
  return [path, `${path}.map`];
}

/**
 * Keeps what V8 made of the parts, with all that a run compiles until it looks for Redis: a run that finds none, so that
 * every machine builds the same. What is not kept is compiled when it is needed. Throws where a part cannot be loaded.
 */
export function compileProgram(root) {
  const directory = mkdtempSync(join(tmpdir(), 'mailhaul-build-'));
  try {
    const list = join(directory, 'accounts.csv');
    const columns = ['host', 'port', 'security', 'user', 'password'];
    const side = (name) => columns.map((column) => `${name}_${column}`);
    const login = ['127.0.0.1', '1', 'none', 'user', 'password'];
    const lines = [
      ['id', ...side('pop'), ...side('imap')],
      ['one', ...login, ...login],
    ];
    writeFileSync(list, `${lines.map((line) => line.join(',')).join('\n')}\n`, { mode: 0o600 });
    const program = ['--import', join(root, 'scripts/keep-compiled.mjs'), join(root, 'dist/src/cli.js')];
    const args = ['sync', list, '--redis', 'redis://127.0.0.1:1', '--data-dir', join(directory, 'data'), '--quiet'];
    const env = { PATH: process.env.PATH, MAILHAUL_REDIS_START_TIMEOUT_MS: '100' };
    const { stderr } = spawnSync(process.execPath, [...program, ...args], { cwd: directory, env, encoding: 'utf8' });
    const made = readdirSync(join(root, 'dist/src/parts'), { withFileTypes: true });
    if (!made.some((entry) => entry.isDirectory())) throw new Error(`a part of dist/ cannot be loaded: ${stderr}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
