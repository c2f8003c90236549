/** The start of the built program: with what V8 made of it when it was built, and without. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { profileSchema } from '../src/accounts/profile-schema.ts';
import { readProfiles } from '../src/accounts/profiles.ts';
import { builtFacts } from '../src/ground/package-root.ts';
import { settingsSchema } from '../src/ground/settings.ts';

const here = `${process.version}-${process.platform}-${process.arch}`;
/** Tells at the end which parts were loaded, and whether V8 took what was kept of them. */
const witness = `
  import { syncBuiltinESMExports } from 'node:module';
  import { basename } from 'node:path';
  import vm from 'node:vm';
  const seen = [];
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(code, options) {
      super(code, options);
      seen.push([basename(options.filename), this.cachedDataRejected ?? 'nothing']);
    }
  };
  syncBuiltinESMExports();
  process.on('exit', () => process.stderr.write(JSON.stringify(seen)));
`;
let root: string;
let kept: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'mailhaul-start-'));
  for (const path of ['dist/src', 'dist/default.json', 'config', 'package.json'])
    cpSync(path, join(root, path), { recursive: true });
  writeFileSync(join(root, 'witness.mjs'), witness);
  kept = join(root, 'dist/src/parts', here);
});

afterAll(() => rmSync(root, { recursive: true }));

interface Start {
  readonly stdout: string;
  /** Of each part whether V8 refused what was kept of it, or `nothing`. */
  readonly parts: Map<string, boolean | 'nothing'>;
}

function start(args: readonly string[], flags: readonly string[] = []): Promise<Start> {
  const loader = ['--import', pathToFileURL(join(root, 'witness.mjs')).href];
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      [...flags, ...loader, join(root, 'dist/src/cli.js'), ...args],
      (error, stdout, stderr) => {
        if (error) fail(new Error(stderr, { cause: error }));
        else done({ stdout, parts: new Map(JSON.parse(stderr)) });
      },
    );
  });
}

const help = ['sync', '--help'];

describe('the built program', () => {
  it('is compiled already, all of it', async () => {
    const { stdout, parts } = await start(help);
    expect(stdout).toMatch(/^Usage: mailhaul sync /);
    expect(parts.size).toBeGreaterThan(10);
    expect(new Set(parts.values())).toEqual(new Set([false]));
    const all = readdirSync(join(kept, '..')).filter((name) => name.endsWith('.js'));
    expect(readdirSync(kept).sort()).toEqual(all.sort());
  });

  it('is the same where V8 compiles differently', async () => {
    const { stdout, parts } = await start(help, ['--max-lazy']);
    expect(stdout).toBe((await start(help)).stdout);
    expect(new Set(parts.values())).toEqual(new Set([true]));
  });

  it('is the same where what was kept is of something else, cut short or empty', async () => {
    const { stdout, parts } = await start(help);
    const [other = '', half = '', empty = ''] = parts.keys();
    const whole = [other, half, empty].map((name) => readFileSync(join(kept, name)));
    writeFileSync(join(kept, other), whole[1]!);
    writeFileSync(join(kept, half), whole[1]!.subarray(0, whole[1]!.length / 2));
    writeFileSync(join(kept, empty), '');
    const bad = await start(help);
    for (const [index, name] of [other, half, empty].entries()) writeFileSync(join(kept, name), whole[index]!);
    expect(bad.stdout).toBe(stdout);
    expect([...bad.parts.values()].slice(0, 4)).toEqual([true, true, true, false]);
  });

  it('is the same with a Node.js that it was not built for, and writes nothing', async () => {
    const { stdout } = await start(help);
    renameSync(kept, join(kept, '../v1.0.0-other-cpu'));
    const files = () => readdirSync(root, { recursive: true }).sort();
    const before = files();
    const bare = await start(help);
    expect(files()).toEqual(before);
    renameSync(join(kept, '../v1.0.0-other-cpu'), kept);
    expect(bare.stdout).toBe(stdout);
    expect(new Set(bare.parts.values())).toEqual(new Set(['nothing']));
  });

  it('tells its version without loading any command', async () => {
    const { stdout, parts } = await start(['--version']);
    expect(stdout).toBe(`${JSON.parse(readFileSync('package.json', 'utf8')).version}\n`);
    expect(parts.size).toBeLessThan((await start(help)).parts.size);
  });
});

describe('what the build made of YAML', () => {
  it('is what the file says', () => {
    const text = readFileSync('config/default.yaml', 'utf8');
    expect(builtFacts('default.json', text)).toEqual(parse(text));
  });

  it('need not be looked at by the schema of the settings, which changes nothing in it', () => {
    const defaults = parse(readFileSync('config/default.yaml', 'utf8'));
    for (const [name, schema] of Object.entries(settingsSchema.shape)) {
      expect([name, schema.parse(defaults[name])]).toEqual([name, defaults[name]]);
    }
  });

  it('has the provider profiles as they are when they were checked', () => {
    const text = readFileSync('config/providers.yaml', 'utf8');
    const checked = Object.entries(parse(text)).map(([name, facts]) => [name, { name, ...profileSchema.parse(facts) }]);
    expect(builtFacts('profiles.json', text)).toEqual(Object.fromEntries(checked));
    expect(readProfiles().all.map(({ name }) => name)).toEqual(Object.keys(parse(text)));
  });

  it('stands for this very text only', () => {
    expect(builtFacts('default.json', `${readFileSync('config/default.yaml', 'utf8')}#`)).toBeUndefined();
    expect(builtFacts('none.json', '')).toBeUndefined();
  });
});
