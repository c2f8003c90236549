/** The fenced blocks of a page: commands to run, and files as the page shows them. */
import { readFileSync } from 'node:fs';

/** One fenced block. The words behind the language are ours: hosts of a `sh` block, `[HOSTS:]PATH` of a file. */
export interface Block {
  readonly language: string;
  /** Hosts on which it runs or lies; `here` where the page has but one. */
  readonly hosts: readonly string[];
  /** Where a file lies; empty for commands. */
  readonly path: string;
  readonly text: string;
  /** Line of the page at which the block's text begins. */
  readonly line: number;
}

/** The blocks of a page, in their order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```(\w+)(?: (.*))?\n([\s\S]*?)^```$/gm)].map((match) => {
    const [, language = '', title = '', body = ''] = match;
    const line = text.slice(0, match.index).split('\n').length + 1;
    const [first = '', second] = title.split(':');
    const names = language === 'sh' ? first : second === undefined ? '' : first;
    const path = language === 'sh' ? '' : (second ?? first);
    return {
      language,
      hosts: names === '' ? ['here'] : names.split(',').map((name) => name.trim()),
      path,
      text: body,
      line,
    };
  });
}

/** The commands of a `sh` block, each with its line; a backslash at the end of a line joins the next. */
export function commandsOf(block: Block): { command: string; line: number }[] {
  const commands: { command: string; line: number }[] = [];
  let open = '';
  for (const [at, text] of block.text.split('\n').entries()) {
    open += text.replace(/\\$/, ' ');
    if (text.endsWith('\\')) continue;
    if (open.trim() !== '' && !open.startsWith('#')) commands.push({ command: open.trim(), line: block.line + at });
    open = '';
  }
  return commands;
}
