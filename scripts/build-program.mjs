// The program in dist/src: a few parts that src/start-up.ts loads, and what V8 makes of them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, relative } from 'node:path';
import { build, transform } from 'esbuild';

/** The parameters of every part, as `Body` in src/start-up.ts has them. */
const head = '(function (exports, require, module, __filename, __dirname, mailhaulUrl) {';

/** Where no Redis is. */
const nowhere = 'redis://127.0.0.1:1';

const shared = { bundle: true, platform: 'node', target: 'node20', legalComments: 'none', logLevel: 'warning' };

/** Puts the program and the packages it uses into parts. Gives the paths in dist/. */
export async function buildProgram(root) {
  const { outputFiles, metafile } = await build({
    ...shared,
    absWorkingDir: root,
    entryPoints: ['src/cli.ts', 'workers/sources.ts'],
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
  const partOf = (source) =>
    basename(Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === source)[0]);
  const start = join(root, 'dist/src/cli.js');
  await build({
    ...shared,
    absWorkingDir: root,
    entryPoints: ['src/start-up.ts'],
    outfile: start,
    format: 'cjs',
    define: {
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
      mailhaulMain: JSON.stringify(partOf('src/cli.ts')),
      mailhaulSources: JSON.stringify(partOf('workers/sources.ts')),
    },
  });
  chmodSync(start, 0o755);
  const kind = join(root, 'dist/src/package.json');
  writeFileSync(kind, '{ "type": "commonjs" }\n');
  return [start, kind, ...made].map((path) => relative(join(root, 'dist'), path));
}

/** One part as the body of a function, with a map to its sources. */
async function writePart(path, text) {
  const { code, map } = await transform(withPlainExports(text), {
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
    logOverride: { 'commonjs-variable-in-esm': 'silent' },
  });
  if (!/^[\x00-\x7f]*$/.test(code)) throw new Error(`${path} is not ASCII, as src/start-up.ts reads it`);
  writeFileSync(path, `${code}//# sourceMappingURL=${basename(path)}.map\n`);
  writeFileSync(`${path}.map`, map);
  return [path, `${path}.map`];
}

/**
 * A part of the bundle with `module.exports` for its `export`: by itself esbuild would hand out every name by a function,
 * which is called at each use. What is given a value once, at the top, is handed out as it is; the rest still by a function.
 */
function withPlainExports(text) {
  if (/^(?:var|let|const|class|(?:async )?function\*?) (?:module|exports)\b/m.test(text))
    throw new Error('module is taken');
  return text.replace(/^export \{\n([^}]*)\n\};$/m, (_, list) => {
    const names = list.split(',').map((entry) => entry.trim().split(' as '));
    const given = names.map(([own, name = own]) =>
      isConstant(text, own) ? `${name}: ${own}` : `get ${name}() { return ${own}; }`,
    );
    return `module.exports = { __esModule: true, ${given.join(', ')} };`;
  });
}

/** Whether a name at the top has one value for good, as far as the text shows; other names of its kind may hide that. */
function isConstant(text, name) {
  const word = `(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`;
  const changes = new RegExp(
    `${word}\\s*(?:=(?![=>])|\\+\\+|--|[-+*/%&|^?<>]{1,3}=(?!=))|(?:\\+\\+|--)\\s*${word}`,
    'g',
  );
  const made = new RegExp(`^(?:var|let|const) ${word} = `, 'm').test(text) ? 1 : 0;
  const isFunction = new RegExp(`^(?:async )?function\\*? ?${word}\\(|^class ${word}`, 'm').test(text);
  return (isFunction || made === 1) && (text.match(changes) ?? []).length === made;
}

/**
 * Keeps what V8 made of the parts, with all that a run compiles in which nothing is new: of an empty maildrop, on a Redis of
 * its own. Where there is none in the PATH, all that a run compiles until it looks for Redis. What is not kept is compiled
 * when it is needed. Throws where a part cannot be loaded.
 */
export async function compileProgram(root) {
  const directory = mkdtempSync(join(tmpdir(), 'mailhaul-build-'));
  const server = createServer(serveNothing).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const list = join(directory, 'accounts.csv');
    const columns = ['host', 'port', 'security', 'user', 'password'];
    const side = (name) => columns.map((column) => `${name}_${column}`);
    const login = (port) => ['127.0.0.1', port, 'none', 'user', 'password'];
    const lines = [
      ['id', ...side('pop'), ...side('imap')],
      ['one', ...login(server.address().port), ...login(1)],
    ];
    writeFileSync(list, `${lines.map((line) => line.join(',')).join('\n')}\n`, { mode: 0o600 });
    const program = ['--import', join(root, 'scripts/keep-compiled.mjs'), join(root, 'dist/src/cli.js')];
    const options = ['--data-dir', join(directory, 'data'), '--quiet', ...(hasRedis() ? [] : ['--redis', nowhere])];
    const env = { PATH: process.env.PATH, MAILHAUL_REDIS_START_TIMEOUT_MS: hasRedis() ? '10000' : '100' };
    const run = spawn(process.execPath, [...program, 'sync', list, ...options], {
      cwd: directory,
      env,
      timeout: 60_000,
    });
    let said = '';
    run.stderr.on('data', (text) => {
      said += text;
    });
    await once(run, 'close');
    const made = readdirSync(join(root, 'dist/src/parts'), { withFileTypes: true });
    if (!made.some((entry) => entry.isDirectory())) throw new Error(`a part of dist/ cannot be loaded: ${said}`);
  } finally {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Whether the program finds one as src/ground/embedded-redis.ts looks for it. */
function hasRedis() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return ['redis-server', 'valkey-server'].some((name) => folders.some((folder) => existsSync(join(folder, name))));
}

/** A POP3 server with no mail in it, which lets everybody in. */
function serveNothing(socket) {
  const answers = { CAPA: '+OK\r\nUIDL\r\nSASL PLAIN\r\nPIPELINING\r\n.', UIDL: '+OK\r\n.', LIST: '+OK\r\n.' };
  let rest = '';
  socket.on('error', () => {});
  socket.on('data', (text) => {
    const lines = `${rest}${text}`.split('\r\n');
    rest = lines.pop();
    for (const line of lines) socket.write(`${answers[line.split(' ')[0]] ?? '+OK'}\r\n`);
    if (lines.includes('QUIT')) socket.end();
  });
  socket.write('+OK\r\n');
}
