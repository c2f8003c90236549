#!/usr/bin/env node
// Installs and builds what is missing, and says so in a line each. Usage: setup.mjs [--quiet] [--without-servers | --without-browser]
//   --quiet            says nothing when there is nothing to do
//   --without-servers  leaves out the mail servers that only the demonstration and the tests need, and the browser
//   --without-browser  leaves out the browser that only the tests need
import { spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { dependenciesAgree, findBrowser, installScript, plan } from './setup-plan.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules/.cache/mailhaul-build');
const command = join(root, 'dist/src/cli.js');
const link = join(root, 'node_modules/.bin/mailhaul');
const linkTarget = '../../dist/src/cli.js';
const systemDirectories = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];
const dovecotDirectories = [
  '/usr/lib/dovecot',
  '/usr/libexec/dovecot',
  '/usr/local/libexec/dovecot',
  '/opt/homebrew/libexec/dovecot',
];

const buildScripts = ['build', 'build-program', 'keep-compiled'].map((name) => `scripts/${name}.mjs`);

const acts = {
  'install-packages': installPackages,
  'npm-ci': () =>
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'installing the packages of package-lock.json'),
  build,
  link: makeLink,
  'give-up': ({ message }) => {
    throw new Error(message);
  },
};

const options = process.argv.slice(2);
try {
  const unknown = options.find((option) => !['--quiet', '--without-servers', '--without-browser'].includes(option));
  if (unknown) throw Object.assign(new Error(`unknown option ${unknown}`), { exitCode: 2 });
  const servers = !options.includes('--without-servers');
  const steps = plan(look(), { servers, browser: servers && !options.includes('--without-browser') });
  for (const step of steps) await acts[step.do](step);
  if (steps.length === 0 && !options.includes('--quiet')) say('nothing to do');
} catch (error) {
  say(error.message);
  process.exitCode = error.exitCode ?? 1;
}

/** @returns {import('./setup-plan.mjs').Facts} */
function look() {
  const ci = process.env.CI ?? '';
  return {
    platform: process.platform,
    apt: has('apt-get'),
    root: process.getuid?.() === 0,
    sudo: has('sudo'),
    ci: ci !== '' && ci !== 'false' && ci !== '0',
    terminal: process.stdin.isTTY === true && process.stderr.isTTY === true,
    installed: dependenciesAgree(text('package-lock.json'), text('node_modules/.package-lock.json')),
    built: existsSync(command) && existsSync(stamp) && newestSource() <= statSync(stamp).mtimeMs,
    linked: linkedTo() === linkTarget,
    redis: has('redis-server') || has('valkey-server'),
    dovecot: has('dovecot', systemDirectories),
    pop3: dovecotDirectories.some((directory) => runnable(join(directory, 'pop3'))),
    imap: dovecotDirectories.some((directory) => runnable(join(directory, 'imap'))),
    openssl: has('openssl'),
    browser: findBrowser(process.env, runnable) !== undefined,
  };
}

function has(program, more = []) {
  const directories = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return [...directories, ...more].some((directory) => runnable(join(directory, program)));
}

function runnable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function text(path) {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;
}

function linkedTo() {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

/** Directories count as well: their time changes when a file is removed. */
function newestSource() {
  const paths = ['tsconfig.json', 'config/tsconfig.build.json', 'package-lock.json', ...buildScripts];
  for (const folder of ['src', 'workers']) {
    if (!existsSync(join(root, folder))) continue;
    paths.push(folder);
    for (const entry of readdirSync(join(root, folder), { recursive: true })) paths.push(join(folder, entry));
  }
  return Math.max(...paths.map((path) => statSync(join(root, path)).mtimeMs));
}

async function installPackages({ packages, sudo, ask }) {
  if (ask && !(await agreed(packages))) throw new Error(`Install as root: apt-get install ${packages.join(' ')}.`);
  const script = ['-c', installScript(packages)];
  const [program, args] = sudo ? ['sudo', [...(ask ? [] : ['-n']), 'sh', ...script]] : ['sh', script];
  await run(program, args, `installing ${packages.join(', ')}`);
}

async function agreed(packages) {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`setup: install ${packages.join(', ')} with sudo apt-get? [Y/n] `);
  terminal.close();
  return /^(y|yes|)$/i.test(answer.trim());
}

/** The stamp gets the time of the beginning, so that a file saved during the build is built the next time. */
async function build() {
  const begun = new Date();
  rmSync(stamp, { force: true });
  await run(process.execPath, [join(root, 'scripts/build.mjs')], 'building dist/');
  if (!existsSync(command)) throw new Error('the build made no dist/src/cli.js');
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, begun.toISOString());
  utimesSync(stamp, begun, begun);
}

/** npm links the commands of packages, but not that of the package it works in. */
function makeLink() {
  rmSync(link, { force: true });
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(linkTarget, link);
  say('linked npx mailhaul');
}

/**
 * Runs a program silently; when it fails, what it wrote is shown. Signals are the program's to handle, and setup waits
 * for its end: a Ctrl-C reaches it from the terminal, the others are passed on.
 */
async function run(program, args, what) {
  say(what);
  const child = spawn(program, args, { cwd: root, stdio: ['inherit', 'pipe', 'pipe'] });
  const passOn = (signal) => signal !== 'SIGINT' && child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, passOn);
  const output = [];
  child.stdout.on('data', (data) => output.push(data));
  child.stderr.on('data', (data) => output.push(data));
  const failure = await new Promise((resolve) => {
    child.on('error', (error) => child.pid === undefined && resolve({ message: error.message, exitCode: 1 }));
    child.once('close', (code, signal) => resolve(ending(code, signal)));
  });
  for (const signal of signals) process.off(signal, passOn);
  if (!failure) return;
  process.stderr.write(Buffer.concat(output));
  throw Object.assign(new Error(`${what}: ${failure.message}`), { exitCode: failure.exitCode });
}

function ending(code, signal) {
  if (code === 0) return undefined;
  if (signal === 'SIGINT' || code === 130) return { message: 'interrupted', exitCode: 130 };
  return { message: `failed with ${signal ?? `status ${code}`}`, exitCode: 1 };
}

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}
