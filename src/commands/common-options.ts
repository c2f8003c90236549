/** Options that every command has (design §4), and what they become. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { MailhaulError } from '../ground/errors.ts';
import { createLog, type Log, type LogOptions, openLog } from '../ground/log.ts';
import { holdsPassword } from '../ground/redis-target.ts';
import type { Settings } from '../ground/settings.ts';
import { type LoadedSettings, loadSettings } from '../ground/settings-load.ts';
import { keyWarnings, settingsWarning } from '../operations/settings-safety.ts';
import { type Display, lineDisplay, noDisplay, terminalDisplay } from '../progress/display.ts';
import type { Role } from '../service.ts';

/** The options as commander gives them. */
export interface CommonOptions {
  readonly account?: readonly string[];
  readonly group?: string;
  readonly config?: string;
  readonly dataDir?: string;
  readonly redis?: string;
  /** Of `start` and of the clients of a running service. */
  readonly listen?: string;
  /** Of the commands that move mail. */
  readonly placement?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly logLevel?: string;
  readonly trace?: boolean;
  readonly color?: boolean;
}

/** Adds the common options to a command that is about accounts of a list. */
export function withCommonOptions(command: Command): Command {
  command
    .option('--account <id...>', 'only these accounts')
    .option('--group <name>', 'only the accounts of this group');
  return withProcessOptions(withTraceOption(command));
}

/** Adds what commands that log in to accounts have besides. */
export function withTraceOption(command: Command): Command {
  return command.option('--trace', 'have the talk with mail servers in the log, without secrets and without mail');
}

/** Adds what commands that move mail have besides. */
export function withPlacementOption(command: Command): Command {
  return command.option('--placement <where>', 'sent (the rules say where mail goes) or inbox (all to imap_mailbox)');
}

/** Adds those of the common options that say how a process works, whatever it works on. */
export function withProcessOptions(command: Command): Command {
  return command
    .option('--config <file>', 'settings file; its lines win over config/default.yaml')
    .option('--data-dir <dir>', 'where spool, log and own Redis are (default: the XDG state directory)')
    .option('--redis <url>', 'redis://, rediss:// or unix:///PATH (default: a Redis of our own)')
    .option('--json', 'print one JSON document on standard output and nothing else there')
    .option('--quiet', 'show no progress; the log of `start` begins with warnings')
    .option('--log-level <level>', 'fatal, error, warn, info, debug or trace')
    .option('--no-color', 'print no colours');
}

/**
 * The settings, with the options on top. Throws `settings-invalid`. A password among the options draws a warning, as does
 * a private key that others can read.
 */
export function settingsOf(options: CommonOptions, env: NodeJS.ProcessEnv): LoadedSettings {
  if (options.redis !== undefined && holdsPassword(options.redis)) {
    warn(new MailhaulError('redis-password-shown'));
  }
  const unsafe = options.config === undefined ? undefined : settingsWarning(options.config);
  if (unsafe) warn(unsafe);
  const given: Partial<Record<keyof Settings, unknown>> = {};
  if (options.dataDir !== undefined) given.dataDir = options.dataDir;
  if (options.redis !== undefined) given.redis = options.redis;
  // An option wins over every variable, MAILHAUL_DASHBOARD_PORT among them.
  if (options.listen !== undefined) Object.assign(given, { listen: options.listen, dashboardPort: null });
  if (options.placement !== undefined) given.placement = options.placement;
  if (options.logLevel !== undefined) given.logLevel = options.logLevel;
  if (options.trace) given.protocolTrace = 'commands';
  const configFile = options.config === undefined ? {} : { configFile: options.config };
  const settings = loadSettings({ ...configFile, env, options: given as Partial<Settings> });
  for (const warning of keyWarnings(settings)) warn(warning);
  return settings;
}

/** The log of a command that a person watches: a file in the data directory. */
export function commandLog(settings: LoadedSettings): Log {
  const destination = join(settings.dataDir, 'mailhaul.log');
  const { logLevel: level, logFileMaxBytes: maxBytes } = settings;
  return createLog({ level, destination, maxBytes, accountFiles: accountFilesOf(settings) });
}

/** The log of a command that logs nothing but the protocol trace; undefined where the settings want none. */
export function traceLog(settings: LoadedSettings, run: string): Log | undefined {
  return settings.protocolTrace === 'off' ? undefined : commandLog(settings).child({ run });
}

/** The log of the service, on standard error: for people on a terminal, for programs elsewhere. */
export function serviceLog(settings: LoadedSettings, options: LogChoice, env: NodeJS.ProcessEnv): Promise<Log> {
  return openLog({ ...serviceLogForm(settings, options, env, process.stderr.isTTY), destination: 2 });
}

type LogChoice = Pick<CommonOptions, 'json' | 'quiet' | 'color' | 'logLevel'>;

/** What that log looks like, and what is in it. */
export function serviceLogForm(
  settings: LoadedSettings,
  { json, quiet, color, logLevel }: LogChoice,
  env: NodeJS.ProcessEnv,
  isTerminal: boolean,
): Omit<LogOptions, 'destination'> {
  const auto = isTerminal && !json ? 'pretty' : 'json';
  const format = settings.logFormat === 'auto' ? auto : settings.logFormat;
  // https://no-color.org: whatever it is set to, unless that is nothing
  const colour = isTerminal && color !== false && !env['NO_COLOR'];
  const level = quiet && logLevel === undefined ? quieter(settings.logLevel) : settings.logLevel;
  return { level, pretty: format === 'pretty' ? { colour } : undefined, accountFiles: accountFilesOf(settings) };
}

function quieter(level: Settings['logLevel']): Settings['logLevel'] {
  return level === 'fatal' || level === 'error' ? level : 'warn';
}

function accountFilesOf(settings: LoadedSettings): LogOptions['accountFiles'] {
  const { dataDir, logAccountFiles, logAccountFileMaxBytes: maxBytes, logAccountFilesOpen: openMax } = settings;
  return logAccountFiles ? { folder: join(dataDir, 'logs'), maxBytes, openMax } : undefined;
}

/** The display of progress: in place on a terminal, plain lines elsewhere, nothing with --quiet. */
export async function displayFor(
  options: Pick<CommonOptions, 'quiet'>,
  stream: NodeJS.WriteStream,
  everyMs: number,
): Promise<Display> {
  if (options.quiet) return noDisplay;
  if (stream.isTTY) return terminalDisplay(stream);
  return lineDisplay((line) => stream.write(`${line}\n`), everyMs);
}

/** Shows what accounts wait for before they can be looked at, unless nobody wants to see how it goes. */
export function waitLines({ quiet }: Pick<CommonOptions, 'quiet'>, stream: NodeJS.WriteStream): (text: string) => void {
  return (text) => {
    if (!quiet) stream.write(`${text}\n`);
  };
}

/** The roles that `--roles` names; `allowed` when it is not given. Throws `usage`. */
export function rolesOf(text: string | undefined, allowed: readonly Role[]): ReadonlySet<Role> {
  if (text === undefined) return new Set(allowed);
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !allowed.includes(name as Role));
  if (unknown.length === 0) return new Set(names as Role[]);
  throw new MailhaulError('usage', {
    reason: `--roles ${unknown.join(',')}: the roles here are ${allowed.join(', ')}`,
  });
}

/** Tells a person what is unsafe and stops nothing, on standard error. */
export function warn({ message, remedy }: MailhaulError): void {
  process.stderr.write(`mailhaul: ${message}\n  → ${remedy}\n`);
}
