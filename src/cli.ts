import { Command, CommanderError } from 'commander';
import { asMailhaulError, errorRow } from './ground/errors.ts';
import { programVersion } from './ground/package-root.ts';
import { loadPatternsFor } from './ground/patterns.ts';
import { beginSecondThread } from './ground/second-thread.ts';
/** The command line: argv → one command; errors → exit status. The only file that ends the process. */
import { interruptedStatus } from './ground/shutdown.ts';

/** An orderly end leaves nothing running; if something is, it is not waited for. */
const lingerMs = 2000;

/** Adds a command; `finish` gets its exit status, `insist` ends the process at once. */
type AddCommand = (program: Command, finish: (status: number) => void, insist: () => void) => void;

/** The commands in the order of the help, each with what adds it; a command is loaded only when it is asked for. */
const commands: readonly { readonly names: readonly string[]; readonly load: () => Promise<AddCommand> }[] = [
  { names: ['demo'], load: async () => (await import('./commands/demo.ts')).addDemo },
  { names: ['discover'], load: async () => (await import('./commands/discover.ts')).addDiscover },
  { names: ['authorize'], load: async () => (await import('./commands/authorize.ts')).addAuthorize },
  { names: ['check'], load: async () => (await import('./commands/check.ts')).addCheck },
  { names: ['sync'], load: loadSync },
  { names: ['start'], load: async () => (await import('./commands/start.ts')).addStart },
  { names: ['accounts'], load: async () => (await import('./commands/accounts.ts')).addAccounts },
  { names: ['status'], load: async () => (await import('./commands/status.ts')).addStatus },
  {
    names: ['pause', 'resume', 'retry', 'run', 'accept'],
    load: async () => (await import('./commands/steer.ts')).addSteer,
  },
  { names: ['export'], load: async () => (await import('./commands/export.ts')).addExport },
  { names: ['report'], load: async () => (await import('./commands/report.ts')).addReport },
  { names: ['verify'], load: async () => (await import('./commands/verify.ts')).addVerify },
];

/** `sync` is what is run again and again, and mostly to find that nothing is new: its thread starts while it is loaded. */
async function loadSync(): Promise<AddCommand> {
  const [, , asked, list] = process.argv;
  if (asked === 'sync' && list?.startsWith('-') === false) beginSecondThread();
  return (await import('./commands/sync.ts')).addSync;
}

/** The program with the command that was asked for, with none for the version, or else with all of them, for the help. */
async function program(asked: string | undefined, finish: (status: number) => void): Promise<Command> {
  const command = new Command('mailhaul')
    .description('Moves mailboxes from POP3 servers to IMAP servers: nothing lost, nothing doubled, no byte changed.')
    .version(programVersion(), '--version', 'print the version')
    .exitOverride()
    .hook('preAction', (_, asked) =>
      loadPatternsFor(asked.opts()['config'] as string | undefined, process.env['MAILHAUL_RULES']),
    )
    .showHelpAfterError('See mailhaul --help.');
  const insist = () => process.exit(interruptedStatus);
  if (asked === '--version') return command;
  const wanted = commands.filter(({ names }) => asked !== undefined && names.includes(asked));
  for (const { load } of wanted.length > 0 ? wanted : commands) (await load())(command, finish, insist);
  for (const sub of command.commands) sub.exitOverride();
  return command;
}

async function main(): Promise<number> {
  let status = 0;
  try {
    const command = await program(process.argv[2], (value) => {
      status = value;
    });
    await command.parseAsync(process.argv);
    return status;
  } catch (thrown) {
    // commander has printed its help or its complaint already.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : (errorRow('usage').exit ?? 2);
    const error = asMailhaulError(thrown);
    const lines = String(error.details['reason'] ?? '').split('\n').length > 1 ? `\n${error.details['reason']}` : '';
    const stack = error.code === 'unexpected' && error.cause instanceof Error ? `\n${error.cause.stack}` : '';
    process.stderr.write(`mailhaul: ${error.code}: ${error.message}${lines}${stack}\n  → ${error.remedy}\n`);
    return errorRow(error.code).exit ?? 3;
  }
}

// Not awaited here: the parts of the built program are CommonJS (start-up.ts).
void main().then((status) => {
  process.exitCode = status;
  setTimeout(() => process.exit(), lingerMs).unref();
});
