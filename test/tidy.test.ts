import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { circles, layerFaults, pageFaults } from './tidy/layers.ts';
import * as rules from './tidy/rules.ts';
import { functions, imports, readSources, type Source, source } from './tidy/sources.ts';

const program = readSources(['src', 'workers'], ['.ts', '.tsx']);
const page = program.filter(({ path }) => path.startsWith('src/dashboard/web/'));
const tests = readSources(['test'], ['.ts']);
const scripts = readSources(['scripts'], ['.ts', '.mjs']);
const texts = readSources(['config', 'docs', '.ci'], ['']);
const everything = [...program, ...tests, ...scripts, ...texts, ...documents()];

function documents(): Source[] {
  const names = [
    'README.md',
    'CHANGELOG.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'package.json',
    'docker-compose.yml',
    'Dockerfile',
    'vitest.config.ts',
  ];
  return names.flatMap((name) => {
    try {
      return [source(name, readFileSync(name, 'utf8'))];
    } catch {
      return [];
    }
  });
}

interface Rule {
  faults: (sources: readonly Source[]) => string[];
  sources: readonly Source[];
  /** A file that breaks the rule, and one that looks like it and does not. */
  bad: Source;
  good: Source;
}

const long = (lines: number) => Array.from({ length: lines }, () => '  work();').join('\n');
const table: Record<string, Rule> = {
  'imports go one way': {
    faults: layerFaults,
    sources: program,
    bad: source('src/download/fetch.ts', "import type { Door } from '../imap/door.ts';"),
    good: source(
      'src/download/fetch.ts',
      "import { a } from './pick.ts';\nimport {\n  b,\n} from '../pop3/client.ts';\n",
    ),
  },
  'the page stands alone in the browser': {
    faults: pageFaults,
    sources: page,
    bad: source('src/dashboard/web/a.tsx', "import { count } from '../../operations/answers/counts.ts';"),
    good: source(
      'src/dashboard/web/a.tsx',
      "import { render } from 'preact';\nimport type { T } from '../../operations/answers/table.ts';\nimport { b } from './b.ts';",
    ),
  },
  'every folder is a part of the design': {
    faults: layerFaults,
    sources: program,
    bad: source('src/magic/wand.ts', ''),
    good: source('src/cli.ts', "import { run } from './commands/run.ts';"),
  },
  'imports make no circles': {
    faults: circles,
    sources: program,
    bad: source('src/pop3/client.ts', "import { a } from './client.ts';"),
    good: source('src/pop3/client.ts', "// import { a } from './client.ts';\nimport { b } from './door.ts';"),
  },
  'a name says what is inside': {
    faults: rules.emptyNames,
    sources: [...program, ...tests, ...scripts],
    bad: source('src/pop3/utils.ts', ''),
    good: source('src/pop3/library.ts', ''),
  },
  'a file of the program has at most 250 lines': {
    faults: (sources) => rules.longFiles(sources, 250),
    // The error table is one row after another; cut in two it would be two tables.
    sources: [...program, ...scripts].filter(({ path }) => path !== 'src/ground/error-table.ts'),
    bad: source('src/pop3/client.ts', 'x\n'.repeat(251)),
    good: source('src/pop3/client.ts', 'x\n'.repeat(250)),
  },
  'a file of tests has at most 400 lines': {
    faults: (sources) => rules.longFiles(sources, 400),
    sources: tests,
    bad: source('test/a.test.ts', 'x\n'.repeat(401)),
    good: source('test/a.test.ts', 'x\n'.repeat(400)),
  },
  'a function has at most 60 lines': {
    faults: (sources) => rules.longFunctions(sources, 60),
    sources: [...program, ...tests, ...scripts],
    bad: source('src/a.ts', `class A {\n  async b({ c }: D = {}): Promise<void> {\n${long(59)}\n  }\n}\n`),
    good: source(
      'src/a.ts',
      `export async function a(\n  b: number,\n) {\n${long(56)}\n}\nconst c = {\n${long(99)}\n};\n`,
    ),
  },
  'there are no barrels': {
    faults: rules.barrels,
    sources: [...program, ...tests],
    bad: source('src/pop3/all.ts', "import { b } from './b.ts';\nexport { a } from './a.ts';\nexport { b };"),
    good: source('src/pop3/all.ts', "import { a } from './a.ts';\nexport { b } from './b.ts';\nexport const from = a;"),
  },
  'exports have names': {
    faults: rules.defaultExports,
    sources: program,
    bad: source('src/a.ts', 'export default function run() {}'),
    good: source('src/a.ts', '// export default\nexport const defaults = 1;'),
  },
  'a package has one owner': {
    faults: rules.strayPackages,
    sources: program,
    bad: source('src/imap/session.ts', "import type { ImapFlow } from 'imapflow';"),
    good: source('src/imap/door.ts', "import { ImapFlow } from 'imapflow';"),
  },
  'the source is only read': {
    faults: rules.deletions,
    sources: program,
    bad: source('src/pop3/client.ts', 'send(`DELE $' + '{n}`)'),
    good: source('src/pop3/client.ts', "// DELE does not exist\nredis('DEL', key); const d = '\\\\Deleted';"),
  },
  'only cli.ts ends the process': {
    faults: rules.exits,
    sources: program,
    bad: source('src/service.ts', 'process.exit(1);'),
    good: source('src/cli.ts', 'process.exit(1);'),
  },
  'nothing is left for later': {
    faults: rules.leftovers,
    sources: everything,
    bad: source('src/a.ts', `// ${'TO'}${'DO'} later`),
    good: source('src/a.ts', '// to do, as others do'),
  },
  'merges are finished': {
    faults: rules.conflicts,
    sources: everything,
    bad: source('README.md', `a\n${'<'.repeat(7)} HEAD\nb\n`),
    good: source('README.md', 'Heading\n========\n'),
  },
  'every test runs': {
    faults: rules.silencedTests,
    sources: tests,
    bad: source('test/a.test.ts', 'describe.sequential.on' + "ly('a', () => {});"),
    good: source(
      'test/a.test.ts',
      "it.each([1])('only', () => {}); it.skipIf(process.platform === 'win32')('b', () => {});",
    ),
  },
  'exported things say what they are': {
    faults: rules.undocumented,
    sources: program,
    bad: source('src/a.ts', '/* a note */\nexport interface A {}'),
    good: source(
      'src/a.ts',
      '/**\n * What.\n */\nexport function a(b: 1): 1;\nexport function a(b: 2): 2;\nexport { c };',
    ),
  },
  'no path belongs to one machine': {
    faults: rules.machinePaths,
    sources: everything,
    bad: source('docs/a.md', `see ${'/ho'}${'me'}/someone/a`),
    good: source('docs/a.md', 'see src/home/mail and https://example.org/home/page'),
  },
  'ground is a closed set': {
    faults: rules.newGround,
    sources: program,
    bad: source('src/ground/strings.ts', ''),
    good: source('src/ground/digest.ts', ''),
  },
};

describe.each(Object.entries(table))('%s', (_, rule) => {
  it('is kept', () => {
    expect(rule.faults(rule.sources)).toEqual([]);
  });

  it('is a rule that can be broken', () => {
    expect(rule.faults([rule.bad])).toHaveLength(1);
    expect(rule.faults([rule.good])).toEqual([]);
  });
});

describe('package.json', () => {
  it('names exact versions', () => {
    expect(rules.looseVersions(JSON.parse(readFileSync('package.json', 'utf8')))).toEqual([]);
    expect(
      rules.looseVersions({ dependencies: { a: '^1.0.0', b: '1.0.0', c: 'latest' }, devDependencies: { d: '1.x' } }),
    ).toHaveLength(3);
  });
});

describe('the readers that the rules rest on', () => {
  it('find every import', () => {
    const text = [
      "import a, { b } from 'x';",
      "import type { c } from '@y/z/deep';",
      "import './effect.ts';",
      'import {\n  d,\n} from "../up.ts";',
      "export * from './again.ts';",
      "const e = await import('./later.ts');",
      "import { f } from 'node:fs';",
      "/* import { g } from 'no'; */",
      'const text = "not an import from \'here\'";',
    ].join('\n');
    const found = imports(source('src/pop3/client.ts', text));
    const files = ['src/pop3/effect.ts', 'src/up.ts', 'src/pop3/again.ts', 'src/pop3/later.ts'];
    expect(found).toEqual({ files, packages: ['x', '@y/z'] });
  });

  it('find circles over several files, each once', () => {
    const chain = ['a', 'b', 'c'].map((name, index, names) => {
      const next = names[(index + 1) % names.length];
      return source(`src/${name}.ts`, `import { x } from './${next}.ts';`);
    });
    expect(circles(chain)).toEqual([expect.stringContaining('src/a.ts → src/b.ts → src/c.ts → src/a.ts')]);
  });

  it('find every kind of function', () => {
    const text = [
      'export async function* a() {',
      '  const b = async (c: () => void) => {',
      '    if (c()) {',
      '    }',
      '  };',
      '}',
      'class D {',
      '  constructor() {',
      '  }',
      '  static async *#e<F>(g = h()): AsyncGenerator<F> {',
      '  }',
      '  get i(): number {',
      '  }',
      '  async k(',
      '    l: number,',
      '  ): Promise<void> {',
      '  }',
      '}',
    ].join('\n');
    const spans = functions(source('src/a.ts', text)).map(({ line, length }) => [line, length]);
    expect(spans).toEqual([
      [1, 6],
      [2, 4],
      [8, 2],
      [10, 2],
      [12, 2],
      [14, 4],
    ]);
  });
});
