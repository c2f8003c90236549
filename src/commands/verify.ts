/** `mailhaul verify LIST` */

import type { Command } from 'commander';
import { printable } from '../ground/errors.ts';
import { interruptedStatus } from '../ground/shutdown.ts';
import { chooseAccounts } from '../operations/choose-accounts.ts';
import { withProviderLimits } from '../operations/known-limits.ts';
import { verify } from '../operations/verify.ts';
import { depthOf, readSampleSize } from '../operations/verify-depth.ts';
import { exitStatus } from '../report/exit-status.ts';
import type { AccountReport, Report, SampledAccount } from '../report/report.ts';
import { number, sumLine } from '../report/text.ts';
import { type CommonOptions, settingsOf, traceLog, waitLines, warn, withCommonOptions } from './common-options.ts';
import { withRedis } from './with-redis.ts';

interface VerifyCommandOptions extends CommonOptions {
  readonly deep?: string | true;
  readonly seed?: string;
  readonly messages?: string;
  readonly record?: boolean;
}

type Depth = ReturnType<typeof depthOf>;

/** Adds the command; `finish` gets the exit status. */
export function addVerify(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('verify')
    .argument('[list]')
    .usage('[options] <list>')
    .description('prove that everything ever listed is at the destination; reads only, on both sides')
    .option(
      '--deep [sample]',
      'compare the content of every message, not only headers and sizes; of 500 or 5% of each account where that is named, chosen at random',
    )
    .option('--seed <number>', 'choose the sample of the verification that printed this number')
    .option('--messages <file.csv>', 'write one line for each message into this file')
    .option('--no-record', 'leave no record in the data directory, for mailhaul report');
  withCommonOptions(command).action(async (named: string | undefined, options: VerifyCommandOptions) => {
    const { list, deep } = listAndDeep(named, options.deep);
    if (list === undefined) return command.error("error: missing required argument 'list'");
    const depth = depthOf(deep, options.seed);
    finish(await runVerify(list, depth, options, insist));
  });
}

/** `verify --deep LIST`: what stands behind an option with a value of its own goes to the option first. */
function listAndDeep(list: string | undefined, deep: string | true | undefined) {
  if (list !== undefined || typeof deep !== 'string' || readSampleSize(deep)) return { list, deep };
  return { list: deep, deep: true as const };
}

async function runVerify(
  list: string,
  depth: Depth,
  options: VerifyCommandOptions,
  insist: () => void,
): Promise<number> {
  const { env, stdout, stderr } = process;
  const settings = withProviderLimits(settingsOf(options, env));
  const accounts = await chooseAccounts(list, options, settings, warn);
  return withRedis(settings, insist, async (redis, signal) => {
    const onAccount = (account: AccountReport, done: number, sampled: SampledAccount | undefined) => {
      const line = verdictLine(account, comparedText(depth, sampled));
      if (!options.quiet) stderr.write(`${done}/${accounts.length} ${line}\n`);
    };
    const messagesFile = options.messages;
    const log = traceLog(settings, 'verify');
    const record = options.record ?? true;
    const asked = { settings, accounts, env, depth, messagesFile, record, signal, log };
    const report = await verify({ ...asked, redis, onAccount, onWait: waitLines(options, stderr) });
    stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : verifyText(report, depth));
    return signal.aborted ? interruptedStatus : exitStatus(report);
  });
}

/** The report for people: a verdict for each account, the sum that must agree, and what needs somebody. */
function verifyText(report: Report, depth: Depth): string {
  const { accounts, totals, run } = report;
  const proven = accounts.filter(({ state }) => state === 'complete').length;
  const { sample } = run;
  return [
    ...accounts.map((account) => verdictLine(account, comparedText(depth, sample?.accounts[account.id]))),
    '',
    sumLine(totals.messages),
    `${number(proven)} of ${number(accounts.length)} account(s) proven in ${run.seconds} s; nothing was changed on either side.`,
    ...(sample ? [`--deep ${sample.size} --seed ${sample.seed} compares the same messages again.`] : []),
    ...accounts.flatMap(problemLines),
    '',
  ].join('\n');
}

function comparedText(depth: Depth, sampled: SampledAccount | undefined): string {
  if (depth === 'doubts') return 'headers and sizes compared';
  if (depth === 'all' || !sampled) return 'content compared';
  return `content of ${number(sampled.compared)} of ${number(sampled.of)} message(s) compared, chosen at random`;
}

function verdictLine({ state, messages, problems, rewritten, ...account }: AccountReport, compared: string): string {
  const id = printable(account.id);
  if (state === 'failed') return `${id}: NOT VERIFIED: ${problems.map(({ code }) => code).join(', ')}`;
  const changed = rewritten > 0 ? `; the destination changed the header of ${number(rewritten)}` : '';
  if (state === 'complete')
    return `${id}: PROVEN: ${number(messages.known)} message(s) are at the destination (${compared}${changed})`;
  const faults = problems.map(({ code, count }) => `${code.replace(/^verify-/, '')} ${number(count)}`);
  return `${id}: NOT PROVEN: ${faults.join(', ')}, of ${number(messages.listed)} message(s) (${compared}${changed})`;
}

function problemLines({ id, problems }: AccountReport): string[] {
  return problems.flatMap(({ code, text, remedy }) => ['', `${printable(id)}: ${code}`, `  ${text}`, `  → ${remedy}`]);
}
