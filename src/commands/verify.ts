/** `mailhaul verify LIST` */
import type { Command } from 'commander';
import { Closers, onInterrupt } from '../ground/shutdown.ts';
import { chooseAccounts } from '../operations/choose-accounts.ts';
import { verify } from '../operations/verify.ts';
import { exitStatus } from '../report/exit-status.ts';
import type { AccountReport, Report } from '../report/report.ts';
import { number, sumLine } from '../report/text.ts';
import { openRedis } from '../service.ts';
import { type CommonOptions, settingsOf, warn, withCommonOptions } from './common-options.ts';

interface VerifyCommandOptions extends CommonOptions {
  readonly deep?: boolean;
  readonly messages?: string;
}

const interruptedStatus = 130;

/** Adds the command; `finish` gets the exit status. */
export function addVerify(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('verify <list>')
    .description('prove that everything ever listed is at the destination; reads only, on both sides')
    .option('--deep', 'compare the content of every message, not only headers and sizes')
    .option('--messages <file.csv>', 'write one line for each message into this file');
  withCommonOptions(command).action(async (list: string, options: VerifyCommandOptions) => {
    finish(await runVerify(list, options, insist));
  });
}

async function runVerify(list: string, options: VerifyCommandOptions, insist: () => void): Promise<number> {
  const { env, stdout, stderr } = process;
  const settings = settingsOf(options, env);
  const accounts = await chooseAccounts(list, options, settings, warn);
  const deep = options.deep ?? false;
  const closers = new Closers();
  const interrupt = onInterrupt(insist);
  closers.push(() => interrupt.stop());
  const { signal } = interrupt;
  try {
    const { client } = await openRedis(settings, closers);
    const onAccount = (account: AccountReport, done: number) => {
      if (!options.quiet) stderr.write(`${done}/${accounts.length} ${verdictLine(account, deep)}\n`);
    };
    const messagesFile = options.messages;
    const report = await verify({ redis: client, settings, accounts, env, deep, messagesFile, signal, onAccount });
    stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : verifyText(report, deep));
    return signal.aborted ? interruptedStatus : exitStatus(report);
  } finally {
    await closers.close();
  }
}

/** The report for people: a verdict for each account, the sum that must agree, and what needs somebody. */
function verifyText(report: Report, deep: boolean): string {
  const { accounts, totals, run } = report;
  const proven = accounts.filter(({ state }) => state === 'complete').length;
  return [
    ...accounts.map((account) => verdictLine(account, deep)),
    '',
    sumLine(totals.messages),
    `${number(proven)} of ${number(accounts.length)} account(s) proven in ${run.seconds} s; nothing was changed on either side.`,
    ...accounts.flatMap(problemLines),
    '',
  ].join('\n');
}

function verdictLine({ id, state, messages, problems, rewritten }: AccountReport, deep: boolean): string {
  if (state === 'failed') return `${id}: NOT VERIFIED: ${problems.map(({ code }) => code).join(', ')}`;
  const compared = deep ? 'content compared' : 'headers and sizes compared';
  const changed = rewritten > 0 ? `; the destination changed the header of ${number(rewritten)}` : '';
  if (state === 'complete')
    return `${id}: PROVEN: ${number(messages.known)} message(s) are at the destination (${compared}${changed})`;
  const faults = problems.map(({ code, count }) => `${code.replace(/^verify-/, '')} ${number(count)}`);
  return `${id}: NOT PROVEN: ${faults.join(', ')}, of ${number(messages.listed)} message(s) (${compared}${changed})`;
}

function problemLines({ id, problems }: AccountReport): string[] {
  return problems.flatMap(({ code, text, remedy }) => ['', `${id}: ${code}`, `  ${text}`, `  → ${remedy}`]);
}
