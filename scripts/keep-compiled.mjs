// Loaded before dist/src/cli.js by the build: at the end of a run, what V8 made of each part of the program is written
// where src/start-up.ts looks for it. Parts that the run did not need are loaded for it then.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';
import vm from 'node:vm';

const scripts = new Map();
let require;

const { Script } = vm;
vm.Script = class extends Script {
  constructor(code, options) {
    super(code, options);
    scripts.set(options.filename, this);
  }

  runInThisContext() {
    const body = super.runInThisContext();
    return (exports, given, ...more) => {
      require = given;
      body(exports, given, ...more);
    };
  }
};
syncBuiltinESMExports();

process.on('exit', () => {
  const parts = dirname([...scripts.keys()][0]);
  const folder = join(parts, `${process.version}-${process.platform}-${process.arch}`);
  for (const name of readdirSync(parts).filter((entry) => entry.endsWith('.js'))) require(`./${name}`);
  mkdirSync(folder, { recursive: true });
  for (const [path, script] of scripts) writeFileSync(join(folder, basename(path)), script.createCachedData());
});
