/** `mailhaul report [LIST]` */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { MailhaulError } from '../ground/errors.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { chooseAccounts } from '../operations/choose-accounts.ts';
import {
  openReport,
  type ReportFormat,
  type ReportOptions,
  reportFormats,
  scopeText,
} from '../operations/full-report.ts';
import { storedAccounts } from '../operations/one-account.ts';
import { refuseSameFile, writeReport } from '../operations/report-file.ts';
import { narrowed } from '../operations/selection.ts';
import { exitStatus } from '../report/exit-status.ts';
import { visible } from '../report/visible.ts';
import { type CommonOptions, settingsOf, warn, withCommonOptions } from './common-options.ts';
import { besideService } from './with-redis.ts';

interface ReportCommandOptions extends CommonOptions {
  readonly format?: ReportFormat;
  readonly out?: string;
  readonly messages?: string;
  readonly verification?: string;
  readonly title?: string;
  readonly by?: string;
  readonly showHost?: boolean;
}

/** Adds the command; `finish` gets the exit status. */
export function addReport(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('report [list]')
    .description(
      'tell how the accounts stand and list every message that did not arrive; of the list, else of the service; asks no server',
    )
    .addOption(new Option('--format <format>', 'text unless it is named').choices(reportFormats))
    .option('--out <file>', 'file for it (default: standard output)')
    .option(
      '--messages <file.csv>',
      'write one line for each message that did not arrive into this file; - prints them',
    )
    .option('--verification <file>', 'the document of verify --json, where it was made elsewhere')
    .option('--title <text>', 'what stands on top')
    .option('--by <name>', 'who made the report')
    .option('--show-host', 'name this host in the report');
  withCommonOptions(command).action(async (list: string | undefined, options: ReportCommandOptions) => {
    const format = formatOf(options);
    refuseSameFile([options.out, options.messages]);
    finish(await runReport(list, format, options, insist));
  });
}

/** Throws `usage` where options contradict each other. */
function formatOf({ format, json, messages }: ReportCommandOptions): ReportFormat {
  const usage = (reason: string) => new MailhaulError('usage', { reason });
  if (json && format !== undefined && format !== 'json') throw usage(`--json and --format ${format}: choose one`);
  if (messages === '-' && (json || (format !== undefined && format !== 'csv'))) {
    throw usage('--messages - prints CSV: name a file beside another format');
  }
  if (messages === '-') return 'csv';
  return json ? 'json' : (format ?? 'text');
}

async function runReport(
  list: string | undefined,
  format: ReportFormat,
  options: ReportCommandOptions,
  insist: () => void,
): Promise<number> {
  const { env, stdout, stderr } = process;
  const settings = settingsOf(options, env);
  const { out, messages, verification, title, by, showHost, quiet } = options;
  return besideService(settings, insist, async (redis, signal) => {
    const told = await reported(list, options, { redis, settings, env });
    const head = { title, by, withHost: showHost, verificationFile: verification };
    const report = await openReport({ redis, settings, signal, ...told, ...head });
    const note = (text: string) => !quiet && stderr.write(`${text}\n`);
    const alone = messages === '-';
    if (messages !== undefined && !alone) {
      await writeReport(messages, report.pieces('csv', true));
      note(`The messages that did not arrive are in ${messages}.`);
    }
    if (out === undefined) await print(stdout, report.pieces(format, alone));
    else {
      await writeReport(out, report.pieces(format, alone));
      note(`The report is in ${out}.`);
    }
    for (const fault of report.full.faults) stderr.write(`mailhaul: the sums do not agree: ${visible(fault)}\n`);
    return report.full.faults.length > 0 ? 3 : exitStatus(report.full.report);
  });
}

/** The accounts that the report is about. Throws `usage`, `account-unknown`, `group-unknown`, `list-invalid`. */
async function reported(
  list: string | undefined,
  options: ReportCommandOptions,
  places: { redis: ReportOptions['redis']; settings: LoadedSettings; env: NodeJS.ProcessEnv },
): Promise<Pick<ReportOptions, 'accounts' | 'scope' | 'whole'>> {
  const { account, group } = options;
  const scope = (whole: string, off = 0) => scopeText(group, account !== undefined, whole, off);
  if (list !== undefined) {
    return {
      accounts: await chooseAccounts(list, options, places.settings, warn),
      scope: scope(basename(list)),
    };
  }
  const stored = await storedAccounts(places);
  if (stored.length === 0) {
    const reason = 'no accounts are stored in this Redis: name the list that was synchronised, mailhaul report LIST';
    throw new MailhaulError('usage', { reason });
  }
  const meant = narrowed(stored, { ids: account, group });
  const enabled = meant.filter((one) => one.enabled);
  if (enabled.length === 0)
    throw new MailhaulError('usage', { reason: 'the accounts that are meant are all disabled' });
  const off = meant.length - enabled.length;
  return { accounts: enabled, scope: scope('the service', off), whole: group === undefined && account === undefined };
}

/** Whoever reads may read slowly, or no further. */
async function print(stream: NodeJS.WriteStream, pieces: AsyncIterable<string>): Promise<void> {
  // The error of a write comes twice: to the write, which is waited for, and as an event.
  stream.on('error', () => {});
  for await (const piece of pieces) {
    const error = await new Promise<NodeJS.ErrnoException | null | undefined>((done) => {
      stream.write(piece, done);
    });
    if (error?.code === 'EPIPE') return;
    if (error) throw error;
  }
}
