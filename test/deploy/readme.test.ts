/** The tables of the README, against the program. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorRows } from '../../src/ground/errors.ts';
import { cli, commandFaults } from './built-program.ts';

const readme = readFileSync('README.md', 'utf8');

/** The rows of the table whose header begins with these words. */
function rows(header: string): string[][] {
  const [, table = ''] = new RegExp(`^\\| ${header} \\|.*\\n.*\\n((?:\\|.*\\n)+)`, 'm').exec(readme) ?? [];
  const cells = (line: string) => line.split(/(?<!\\)\|/).slice(1, -1);
  return table
    .trim()
    .split('\n')
    .map((line) => cells(line).map((cell) => cell.trim()));
}

test('name every command, and no option that is not there', () => {
  const { stdout } = spawnSync(process.execPath, [cli, '--help'], { encoding: 'utf8' });
  const known = [...stdout.matchAll(/^ {2}([a-z]+) (?=.* {2})/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help');
  const shown = rows('command').map(([first = '', does = '']) => ({ first, does }));
  expect(known.length).toBeGreaterThan(9);
  const named = shown.flatMap(({ first }) => [...first.matchAll(/`([a-z]+)/g)].map(([, name]) => name!));
  expect([...named].sort()).toEqual([...known].sort());
  for (const { first, does } of shown.slice(0, 4)) {
    const options = [...does.matchAll(/(?<=`)--[a-z-]+/g)].map(([option]) => option);
    expect(commandFaults([/[a-z]+/.exec(first)![0], ...options.filter((option) => option !== '--roles')])).toEqual([]);
  }
  const lines = [...readme.matchAll(/npx mailhaul ([^\n`#]+)/g)].map(([, line]) => line!.trim().split(' '));
  expect(lines.length).toBeGreaterThan(6);
  expect(lines.flatMap((words) => commandFaults(words))).toEqual([]);
});

test('name every exit status', () => {
  const ends = errorRows.flatMap(({ exit }) => exit ?? []);
  const shown = rows('exit status').map(([status]) => Number(status));
  expect(shown).toEqual([...new Set([0, 130, ...ends])].sort((a, b) => a - b));
});
