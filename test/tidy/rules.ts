/** The other rules of the house: each a function from files to faults, and each fault says why. */
import { basename } from 'node:path';
import { groundFiles, layerOf } from './layers.ts';
import { code, functions, imports, type Source } from './sources.ts';

const banned = /^(?:utils?|helpers?|lib|common|types?|misc|shared|stuff)$/;
const owners: Readonly<Record<string, { files: readonly string[]; others: number }>> = {
  bullmq: { files: ['src/schedule/queues.ts'], others: 1 },
  ioredis: { files: ['src/ground/redis.ts'], others: 0 },
  croner: { files: ['src/ground/cron.ts'], others: 0 },
  imapflow: { files: ['src/imap/door.ts'], others: 0 },
  '@bull-board/api': { files: ['src/dashboard/queues-page.ts'], others: 0 },
  'prom-client': { files: ['src/dashboard/metrics.ts'], others: 0 },
  'openid-client': { files: ['src/accounts/oauth/exchange.ts', 'src/accounts/oauth/client-auth.ts'], others: 0 },
  jose: { files: ['src/accounts/oauth/assertion.ts'], others: 0 },
  uplot: { files: ['src/dashboard/web/chart.tsx'], others: 0 },
  re2js: { files: ['src/ground/patterns.ts'], others: 0 },
  libmime: { files: ['src/message/encoded-words.ts'], others: 0 },
  pino: { files: ['src/ground/log.ts'], others: 0 },
  'pino-pretty': { files: ['src/ground/log-pretty.ts'], others: 0 },
  socks: { files: ['src/transport/tunnel.ts'], others: 0 },
  nodemailer: { files: ['src/notify/email.ts'], others: 0 },
  standardwebhooks: { files: ['src/notify/webhook.ts'], others: 0 },
};

/** Names that say nothing about what is inside. */
export function emptyNames(sources: readonly Source[]): string[] {
  const said = (part: string) => banned.test(part.replace(/(?:\.test)?\.\w+$/, ''));
  const bad = sources.filter((file) => file.path.split('/').some(said));
  return bad.map((file) => `${file.path}: name it after what it is; such a name collects everything`);
}

/** Files that have more than one subject, by experience. */
export function longFiles(sources: readonly Source[], most: number): string[] {
  const long = sources.filter((file) => file.lines.length > most);
  return long.map(
    (file) =>
      `${file.path} has ${file.lines.length} lines, ${most} are allowed: it has more than one subject, split it`,
  );
}

/** Functions that do not fit on a screen. In tests a `describe` is not counted: it is a chapter. */
export function longFunctions(sources: readonly Source[], most: number): string[] {
  const spans = sources.flatMap((file) =>
    functions(file).filter(({ line }) => !/^\s*describe\b/.test(file.lines[line - 1]!)),
  );
  const long = spans.filter(({ length }) => length > most);
  return long.map(
    ({ path, line, length }) =>
      `${path}:${line}: a function of ${length} lines, ${most} are allowed: it cannot be read at once`,
  );
}

/** Files that only hand on what others export, and those that hand on everything. */
export function barrels(sources: readonly Source[]): string[] {
  const bad = sources.filter((file) => /^index\.\w+$/.test(basename(file.path)) || handsOn(code(file)));
  return bad.map((file) => `${file.path}: import from where a thing is defined; a barrel hides it and makes circles`);
}

function handsOn(text: string): boolean {
  if (/^export\s+\*/m.test(text)) return true;
  const own = text.replace(/^(?:import|export)\s(?:type\s)?\{[^}]*\}\s*(?:from\s*['"][^'"]*['"])?;?/gm, '');
  return own.trim() === '' && /^export\b/m.test(text);
}

/** Default exports, which everyone names as he likes. */
export function defaultExports(sources: readonly Source[]): string[] {
  const bad = sources.filter((file) => /^export\s+default\b|\bas\s+default\b/m.test(code(file)));
  return bad.map(
    (file) => `${file.path}: a default export has no name; export by name, so that one search finds every use`,
  );
}

/** Packages that are imported outside of the files that own them. */
export function strayPackages(sources: readonly Source[]): string[] {
  return Object.entries(owners).flatMap(([name, { files, others }]) => {
    const users = sources.filter((file) => imports(file).packages.includes(name)).map((file) => file.path);
    const strangers = users.filter((path) => !files.includes(path));
    if (strangers.length <= others) return [];
    return [
      `${name} belongs to ${files.join(', ')}${others ? ` and ${others} more` : ''}, but is imported by ${strangers.join(', ')}: it must be replaceable in one place`,
    ];
  });
}

/** The POP3 command that deletes. */
export function deletions(sources: readonly Source[]): string[] {
  const bad = sources.filter((file) => /['"`]\s*DELE\b/i.test(code(file)));
  return bad.map(
    (file) => `${file.path}: the source is only read, so this command does not exist in the code (promise 1)`,
  );
}

/** Ends of the process that skip what is still to be saved. */
export function exits(sources: readonly Source[]): string[] {
  const bad = sources.filter(
    (file) => file.path !== 'src/cli.ts' && /\bprocess\s*\.\s*(?:exit|abort|reallyExit)\b(?!Code)/.test(code(file)),
  );
  return bad.map((file) => `${file.path}: only src/cli.ts ends the process, after everything was released in order`);
}

/** Notes to nobody. */
export function leftovers(sources: readonly Source[]): string[] {
  const word = /\b(?:TO[D]O|FIX[M]E|XX[X])\b/;
  const bad = sources.filter((file) => word.test(file.text));
  return bad.map((file) => `${file.path}: do it, or leave it; a note without an owner is never read`);
}

/** Marks of a merge that nobody finished. */
export function conflicts(sources: readonly Source[]): string[] {
  const mark = /^(?:<{7}|={7}|>{7})(?: |$)/m;
  const bad = sources.filter((file) => mark.test(file.text));
  return bad.map((file) => `${file.path}: two versions stand there; choose`);
}

/** Tests that hide others, or themselves. */
export function silencedTests(sources: readonly Source[]): string[] {
  const bad = sources.filter((file) =>
    /\b(?:it|test|describe)(?:\.\w+)*\.(?:only|skip|todo|fails)\b(?!If)/.test(code(file)),
  );
  return bad.map(
    (file) => `${file.path}: a test that does not run proves nothing, and one that runs alone silences the rest`,
  );
}

/** Exported things that do not say what they are. */
export function undocumented(sources: readonly Source[]): string[] {
  const declares = /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|interface|type) (\w+)/;
  return sources.flatMap((file) =>
    file.lines.flatMap((line, index) => {
      const name = declares.exec(line)?.[1];
      const before = file.lines[index - 1] ?? '';
      // The further signatures of a function share the comment of the first.
      const overload = before.endsWith(';') && declares.exec(before)?.[1] === name;
      if (name === undefined || overload || endsDocComment(file.lines, index - 1)) return [];
      return [`${file.path}:${index + 1}: ${name} has no doc comment: what is it, in which units, what does it throw?`];
    }),
  );
}

function endsDocComment(lines: readonly string[], end: number): boolean {
  let last = end;
  while (/^\s*\/\/ biome-ignore/.test(lines[last] ?? '')) last -= 1;
  if (!lines[last]?.trimEnd().endsWith('*/')) return false;
  while (last > 0 && !lines[last]!.trimStart().startsWith('/*')) last -= 1;
  return lines[last]!.trimStart().startsWith('/**');
}

/** Places that exist on one machine only; the homes of invented people may be named. */
export function machinePaths(sources: readonly Source[]): string[] {
  const home = '/(?:home|Users)/(?!(?:alice|bob|eve|mallory|user)\\b)[\\w.]';
  const place = new RegExp(`(?<![\\w.*}/:-])(?:${home}|/(?:work|root)/\\w|[A-Z]:\\\\Users)`);
  return sources.flatMap((file) => {
    const line = file.lines.findIndex((text) => place.test(text));
    return line === -1 ? [] : [`${file.path}:${line + 1}: a path of one machine means nothing on another`];
  });
}

/** Files that ground has beyond the settled set. */
export function newGround(sources: readonly Source[]): string[] {
  const ground = sources.filter((file) => layerOf(file.path) === 'ground');
  const bad = ground.filter((file) => !groundFiles.includes(basename(file.path, '.ts')));
  return bad.map(
    (file) => `${file.path}: ground is a closed set, since everything depends on it; put it where it is used`,
  );
}

/** Versions that may differ from one installation to the next. */
export function looseVersions(manifest: {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}): string[] {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  const loose = versions.filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version));
  return loose.map(
    ([name, version]) => `${name} ${version}: name one version, so that what was tested is what is installed`,
  );
}
