/** `mailhaul discover ADDRESS…` */
import type { Command } from 'commander';
import { MailhaulError } from '../ground/errors.ts';
import { interruptedStatus, onInterrupt } from '../ground/shutdown.ts';
import type {
  DiscoverReport,
  DomainReport,
  LineReport,
  ServerReport,
  SideReport,
} from '../operations/answers/discover-report.ts';
import { discover } from '../operations/discover.ts';
import { discoverStatus } from '../operations/discover-report.ts';
import { type CommonOptions, settingsOf, withProcessOptions } from './common-options.ts';

interface DiscoverCommandOptions extends CommonOptions {
  readonly list?: string;
  readonly write?: string;
  readonly trustDns?: boolean;
  readonly protocol?: string;
  readonly all?: boolean;
}

/** Adds the command; `finish` gets the exit status. */
export function addDiscover(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('discover [address...]')
    .description("find the POP3 and IMAP settings of addresses' domains, and say where each came from")
    .option('--list <file>', 'account list that has settings, or lacks them; alone: find what its lines lack')
    .option('--write <list>', 'write what is found into the empty columns of this CSV list')
    .option('--trust-dns', 'write servers of other domains, too, for which only DNS vouches')
    .option('--protocol <name>', 'pop3 or imap alone')
    .option('--all', 'ask every place, though an earlier one sufficed');
  withProcessOptions(command).action(async (addresses: readonly string[], options: DiscoverCommandOptions) => {
    finish(await runDiscover(addresses, options, insist));
  });
}

async function runDiscover(
  addresses: readonly string[],
  options: DiscoverCommandOptions,
  insist: () => void,
): Promise<number> {
  const { env, stdout, stderr } = process;
  checkOptions(addresses, options);
  const settings = settingsOf(options, env);
  const { protocol } = options;
  const interrupt = onInterrupt(insist);
  const interrupted = new Promise<undefined>((resolve) => {
    interrupt.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  try {
    const found = discover({
      settings,
      env,
      addresses,
      protocols: protocol === undefined ? ['pop3', 'imap'] : [protocol === 'imap' ? 'imap' : 'pop3'],
      list: options.write ?? options.list,
      write: options.write !== undefined,
      trustDns: options.trustDns ?? false,
      all: options.all ?? false,
      onDomain: (domain, done, of) => {
        if (!options.quiet && of > 1) stderr.write(`${done}/${of} ${domain}\n`);
      },
    });
    const report = await Promise.race([found, interrupted]);
    if (report === undefined) return interruptedStatus;
    stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : discoverText(report));
    return discoverStatus(report);
  } finally {
    interrupt.stop();
  }
}

/** Throws `usage` where the options make no sense together. */
function checkOptions(addresses: readonly string[], { list, write, protocol, trustDns }: DiscoverCommandOptions): void {
  const wrong = (reason: string) => new MailhaulError('usage', { reason });
  if (addresses.length === 0 && list === undefined && write === undefined) {
    throw wrong('discover needs an address, a domain, --list FILE or --write LIST');
  }
  if (list !== undefined && write !== undefined) throw wrong('--list and --write name one list each; give one of them');
  if (trustDns && write === undefined) throw wrong('--trust-dns says what --write may write; give both');
  if (protocol !== undefined && protocol !== 'pop3' && protocol !== 'imap') {
    throw wrong(`--protocol is pop3 or imap, not ${protocol}`);
  }
}

/** The report for people. */
export function discoverText({ domains, list }: DiscoverReport): string {
  const lines = domains.flatMap((domain) => [...domainLines(domain), '']);
  return `${[...lines, ...(list ? listLines(list.lines) : [])].join('\n').trimEnd()}\n`;
}

function domainLines({ domain, pop3, imap, others, remarks, advice }: DomainReport): string[] {
  const absent = ['host-unknown', 'connection-refused', 'connect-timeout', 'proxy-refused', 'proxy-unreachable'];
  const guesses = others.filter(({ origin, problem }) => origin === 'guess' && absent.includes(problem?.code ?? ''));
  const named = others.filter((other) => !guesses.includes(other));
  return [
    domain,
    ...(pop3 ? sideLines('POP3', pop3) : []),
    ...(imap ? sideLines('IMAP', imap) : []),
    ...named.flatMap((other) => [`  not   ${place(other)}, ${other.source}`, `        because ${other.lost}`]),
    ...(guesses.length > 0 ? [`  note  ${guesses.length} guesses of usual names and ports met no server`] : []),
    ...remarks.map((remark) => `  note  ${remark}`),
    ...advice.map((text) => `  read  ${text}`),
  ];
}

function sideLines(name: string, { state, source, server }: SideReport): string[] {
  if (state === 'not-offered') return [`  ${name}  not offered, says ${source}`];
  if (!server) return [`  ${name}  not found: no server was named or guessed that can be used`];
  const { mechanisms, logins, remarks, problem } = server;
  const offered = mechanisms.length > 0 ? `; the server offers ${mechanisms.join(', ')}` : '';
  const said = logins.length > 0 ? `; login by ${logins.join(' or ')}` : '';
  return [
    `  ${name}  ${place(server)}, found by ${source}`,
    `        user name: ${userText(server)}${said}${offered}`,
    ...remarks.map((remark) => `        ${remark}`),
    ...(problem ? [`        it cannot be used from here: ${problem.text}`, `        → ${problem.remedy}`] : []),
  ];
}

const place = ({ host, port, security }: ServerReport) => `${address(host)} port ${port} ${security}`;
const address = (host: string) => (host.includes(':') ? `[${host}]` : host);

function userText({ user }: ServerReport): string {
  if (user === null) return 'nobody says; usually the whole address';
  if (user === '{address}') return 'the whole address';
  return user === '{local}' ? 'the part before the @' : user;
}

function listLines(lines: readonly LineReport[]): string[] {
  const many = (state: LineReport['state']) => lines.filter((line) => line.state === state).length;
  const shown = lines.map(({ line, side, state, values, text }) => {
    const filled = Object.entries(values).map(([column, value]) => `${column}=${value}`);
    return `line ${line} ${side}: ${[states[state], filled.join(' '), text].filter(Boolean).join('; ')}`;
  });
  if (lines.length === 0) return ['The list lacks no server.'];
  const counts = Object.entries(states).map(([state, word]) => `${many(state as LineReport['state'])} ${word}`);
  return [...shown, '', counts.join(', ')];
}

const states: Readonly<Record<LineReport['state'], string>> = {
  written: 'written',
  ready: 'found',
  confirm: 'to be looked at',
  unknown: 'unknown',
};
