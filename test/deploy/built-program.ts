/** The built program as it describes itself, and whether a command line would be understood by it. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { settingsSchema } from '../../src/ground/settings.ts';
import { variableName } from '../../src/ground/settings-load.ts';

/** The program that the pages call `mailhaul`. */
export const cli = resolve('dist/src/cli.js');

const known = new Map<string, string | undefined>();

/** The help of a command on one line, or undefined where there is no such command. */
function helpOf(command: string): string | undefined {
  if (!known.has(command)) {
    const { stdout } = spawnSync(process.execPath, [cli, ...command.split(' '), '--help'], { encoding: 'utf8' });
    const help = stdout.replace(/\s+/g, ' ');
    known.set(command, help.startsWith(`Usage: mailhaul ${command} `) ? help : undefined);
  }
  return known.get(command);
}

/** The command of a command line: `sync`, `accounts import`. */
function commandOf(words: readonly string[]): string {
  return words.slice(0, words[0] === 'accounts' ? 2 : 1).join(' ');
}

/** What the program does not know of a command line (what follows the name of the program), one fault each. */
export function commandFaults(words: readonly string[]): string[] {
  const command = commandOf(words);
  const help = helpOf(command);
  if (help === undefined) return [`there is no command ${command}`];
  const faults: string[] = [];
  for (const [at, word] of words.entries()) {
    if (!word.startsWith('--')) continue;
    if (!hasOption(help, word)) faults.push(`${command} has no option ${word}`);
    if (word === '--roles') faults.push(...roleFaults(words[at + 1] ?? ''));
  }
  return faults;
}

/** True when a help names the option. */
function hasOption(help: string, option: string): boolean {
  return help.includes(` ${option} `) || help.includes(` ${option},`);
}

/** The roles that `start` says it has. */
function startRoles(): string[] {
  const text = /--roles <names> [^:]*: ([a-z, ]+)/.exec(helpOf('start') ?? '')?.[1] ?? '';
  return text.split(',').map((name) => name.trim());
}

function roleFaults(names: string): string[] {
  const fine = startRoles();
  return names.split(',').flatMap((name) => (fine.includes(name) ? [] : [`start has no role ${name}`]));
}

/** Variables beginning with MAILHAUL_ that set nothing. */
export function variableFaults(names: readonly string[]): string[] {
  const settings = Object.keys(settingsSchema.shape);
  const fine = new Set(['MAILHAUL_SEAL_KEY', ...settings.map(variableName)]);
  return names.filter((name) => name.startsWith('MAILHAUL_') && !fine.has(name)).map((name) => `${name} sets nothing`);
}
