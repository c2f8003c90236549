#!/usr/bin/env node
/** The command line: argv → one command; errors → exit status. The only file that ends the process. */
import { Command, CommanderError } from 'commander';
import { addAccounts } from './commands/accounts.ts';
import { addDemo } from './commands/demo.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addSteer } from './commands/steer.ts';
import { addSync } from './commands/sync.ts';
import { addVerify } from './commands/verify.ts';
import { asMailhaulError, errorRow } from './ground/errors.ts';

const interruptedStatus = 130;
/** An orderly end leaves nothing running; if something is, it is not waited for. */
const lingerMs = 2000;

function program(finish: (status: number) => void): Command {
  const command = new Command('mailhaul')
    .description('Moves mailboxes from POP3 servers to IMAP servers: nothing lost, nothing doubled, no byte changed.')
    .exitOverride()
    .showHelpAfterError('See mailhaul --help.');
  const insist = () => process.exit(interruptedStatus);
  addDemo(command, finish, insist);
  addStart(command, finish, insist);
  addSync(command, finish, insist);
  addVerify(command, finish, insist);
  addStatus(command, finish);
  addSteer(command, finish);
  addAccounts(command, finish);
  for (const sub of command.commands) sub.exitOverride();
  return command;
}

async function main(): Promise<number> {
  let status = 0;
  try {
    await program((value) => {
      status = value;
    }).parseAsync(process.argv);
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

process.exitCode = await main();
setTimeout(() => process.exit(), lingerMs).unref();
