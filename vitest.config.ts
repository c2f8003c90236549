import { defineConfig } from 'vitest/config';

/** The files that start the built command, browsers and servers by the dozen. */
const built = [
  'test/{bench,browser,crash,demo,deploy,flow,quirks}/**/*.test.ts',
  'test/*.test.ts',
  // It shows that a module has not been loaded: another file may have done that before it in the same process.
  'test/ground/settings-rules.test.ts',
];

// Projects run in the order of their names: the long files come first, and the short ones keep four processes busy to
// the end.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 4,
    // More than the runs of the program get (test/flow/haul-rig.ts): what hangs is told by its log, and not by the test's end.
    testTimeout: 150_000,
    hookTimeout: 120_000,
    reporters: ['default'],
    projects: [
      // Each file runs in a process of its own: they start servers and kill processes.
      { extends: true, test: { name: 'built', include: built } },
      // Modules only define things, so that files may share a process: loading all of it for each took half their time.
      { extends: true, test: { name: 'parts', include: ['test/**/*.test.ts'], exclude: built, isolate: false } },
    ],
  },
});
