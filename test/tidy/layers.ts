/** Who may import whom (design §3), and why. */
import { code, imports, type Source, source } from './sources.ts';

interface Layer {
  may: readonly string[];
  because: string;
}

const sides = ['accounts', 'pop3', 'imap', 'transport', 'ledger', 'limits', 'message', 'ground'];
const engine = [
  'accounts',
  'schedule',
  'limits',
  'pop3',
  'imap',
  'transport',
  'message',
  'download',
  'spool',
  'append',
  'ledger',
  'check',
  'verify',
  'progress',
  'report',
  'ground',
];
const leaf = (what: string): Layer => ({
  may: ['ground'],
  because: `${what}; what it is used for is not its business`,
});

/** The folders of src/, and its three files. A folder may always import itself. */
export const layers: Readonly<Record<string, Layer>> = {
  ground: { may: [], because: 'everyone stands on it, so it stands on nobody' },
  accounts: { may: ['transport', 'ground'], because: 'accounts knows who and by what way, and nothing of mail' },
  limits: leaf('limits counts for whoever asks'),
  transport: leaf('transport makes connections, whatever is spoken on them'),
  pop3: { may: ['transport', 'ground'], because: 'pop3 is a protocol; what it is used for is not its business' },
  imap: { may: ['transport', 'ground'], because: 'imap is a protocol; what it is used for is not its business' },
  spool: leaf('spool holds bytes between two sides that do not know each other'),
  message: leaf('message reads headers'),
  demo: leaf('demo starts servers, which must stay independent of what is shown with them'),
  ledger: { may: ['message', 'ground'], because: 'ledger knows messages by their fingerprints, and no server' },
  download: {
    may: ['pop3', 'spool', 'ledger', 'limits', 'accounts', 'message', 'ground'],
    because: 'download only takes: it never sees the destination',
  },
  append: {
    may: ['imap', 'spool', 'ledger', 'limits', 'accounts', 'message', 'ground'],
    because: 'append only gives: it never sees the source',
  },
  check: { may: sides, because: 'check asks both sides and moves nothing' },
  verify: { may: sides, because: 'verify looks at both sides itself, independently of what moved the mail' },
  schedule: {
    may: ['accounts', 'ledger', 'limits', 'ground'],
    because: 'schedule decides when, without touching mail',
  },
  progress: { may: ['ledger', 'ground'], because: 'progress counts what the ledger knows' },
  report: { may: ['ledger', 'ground'], because: 'report tells what the ledger knows' },
  notify: {
    may: ['accounts', 'ledger', 'limits', 'report', 'transport', 'ground'],
    because: 'notify tells people who are elsewhere what has happened; it makes nothing happen',
  },
  operations: {
    may: [...engine, 'notify'],
    because: 'operations is what a person can ask for, whoever asks and however',
  },
  dashboard: {
    may: ['operations', 'progress', 'report', 'ground'],
    because: 'the dashboard asks through operations, as the command line does',
  },
  commands: {
    may: ['operations', 'progress', 'report', 'demo', 'service.ts', 'ground'],
    because: 'a command asks through operations, as the dashboard does',
  },
  'service.ts': {
    may: [...engine, 'notify', 'dashboard', 'workers'],
    because: 'the service builds everything and knows no command line',
  },
  'cli.ts': { may: ['commands', 'ground'], because: 'cli turns arguments into one command' },
  'start-up.ts': { may: [], because: 'start-up loads the built program, whatever that is' },
  workers: { may: engine, because: 'a worker joins a queue to a session; the service starts it' },
};

/** Files that ground may have: it is everyone's dependency, so it does not grow by accident. */
export const groundFiles = [
  'settings',
  'settings-board',
  'settings-connections',
  'settings-load',
  'settings-notify',
  'settings-oauth',
  'settings-rules',
  'settings-conditions',
  'settings-templates',
  'settings-visitors',
  'patterns',
  'settings-schedules',
  'cron',
  'package-root',
  'errors',
  'log',
  'log-account-files',
  'log-pretty',
  'log-text',
  'settings-logs',
  'protocol-trace',
  'second-thread',
  'secret-forms',
  'clock',
  'csv',
  'crash-point',
  'shutdown',
  'redis',
  'embedded-redis',
  'embedded-talk',
  'embedded-mend',
  'embedded-places',
  'digest',
  'error-table',
  'keys',
  'nearest',
  'made-once',
  'held-key',
  'safe-credentials',
  'run-id',
  'process-owner',
  'redis-script',
  'redis-socket',
  'redis-target',
  'reused-buffers',
  'redis-safety',
  'service-manager',
  'told-refusal',
];

/** The layer that a file belongs to: `pop3`, `service.ts`, `workers`; undefined outside src/ and workers/. */
export function layerOf(path: string): string | undefined {
  const [top, next] = path.split('/');
  if (top === 'workers') return 'workers';
  return top === 'src' ? next : undefined;
}

/** Imports that go against the layers. */
export function layerFaults(sources: readonly Source[]): string[] {
  return sources.flatMap((file) => {
    const from = layerOf(file.path)!;
    const layer = layers[from];
    if (!layer)
      return [`${file.path}: ${from} is not a part of the design; add it to design §3 and to test/tidy/layers.ts`];
    return imports(file).files.flatMap((target) => {
      const to = layerOf(target);
      if (to !== undefined && (to === from || layer.may.includes(to))) return [];
      return [
        `${file.path} imports ${target}, but ${from} may import only ${layer.may.join(', ') || 'nothing'}: ${layer.because}`,
      ];
    });
  });
}

/** What the dashboard's page imports though no browser has it: the rest of the program, but for types of answers. */
export function pageFaults(sources: readonly Source[]): string[] {
  const own = /^src\/dashboard\/web\/[\w-]+\.tsx?$/;
  const answers = /^src\/operations\/answers\/[\w-]+\.ts$/;
  const packages = ['preact', 'uplot'];
  return sources.flatMap((file) => {
    const typeless = file.text.replace(/^import type [^'";]*from '[^']*';/gm, '');
    const asTypes = new Set(imports(file).files);
    for (const target of imports(source(file.path, typeless)).files) asTypes.delete(target);
    const strange = [
      ...imports(file).files.filter((target) => !own.test(target) && !(answers.test(target) && asTypes.has(target))),
      ...imports(file).packages.filter((name) => !packages.includes(name)),
      ...(/['"]node:/.test(code(file)) ? ['a module of Node.js'] : []),
    ];
    return strange.map(
      (target) =>
        `${file.path} imports ${target}: the page runs in a browser; it may have its own files, ${packages.join(', ')} and types of answers`,
    );
  });
}

/** Circles of imports, each told once. */
export function circles(sources: readonly Source[]): string[] {
  const targets = new Map(sources.map((file) => [file.path, imports(file).files]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start !== -1) found.push(`${[...trail.slice(start), path].join(' → ')}: none of these can be understood alone`);
    if (start !== -1 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return found;
}
