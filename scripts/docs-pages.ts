/** The pages of docs/ that are made from the code, so that they cannot differ from it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { errorRows, type Retry, type Stops } from '../src/ground/errors.ts';
import { packageRoot } from '../src/ground/package-root.ts';
import { variableName } from '../src/ground/settings-load.ts';

/** A setting as config/default.yaml describes it. */
export interface DescribedSetting {
  name: string;
  section: string;
  /** As it stands in the file. */
  default: string;
  /** The comment above it, on one line; empty if there is none. */
  meaning: string;
}

/** The settings of a YAML text in its order, each with the comment right above it and the heading it stands under. */
export function describedSettings(yaml: string): DescribedSetting[] {
  const values = parse(yaml) as Record<string, unknown>;
  const settings: DescribedSetting[] = [];
  let section = '';
  let comment: string[] = [];
  for (const line of yaml.split('\n')) {
    const heading = /^# -{3} (.+?) -+$/.exec(line)?.[1];
    const name = /^(\w+):/.exec(line)?.[1];
    if (heading !== undefined) section = heading;
    else if (line.startsWith('# ')) comment.push(line.slice(2));
    else if (name !== undefined) {
      settings.push({ name, section, default: JSON.stringify(values[name]), meaning: comment.join(' ') });
      comment = [];
    } else comment = [];
  }
  return settings;
}

/** docs/settings.md, from config/default.yaml. */
export function settingsPage(): string {
  const settings = describedSettings(readFileSync(join(packageRoot(), 'config', 'default.yaml'), 'utf8'));
  const sections = [...new Set(settings.map((setting) => setting.section))];
  const example = settings.find((setting) => setting.name === 'spoolMaxBytes')!.name;
  return [
    '# Settings',
    '',
    '<!-- Made by `npm run docs` from config/default.yaml: change it there. -->',
    '',
    'Each setting may stand in a YAML file named with `--config`, in a variable and, where there is one, in an option of',
    'the command line. The option wins over the variable, the variable over the file, the file over the default.',
    `The variable of \`${example}\` is \`${variableName(example)}\`; its value is read as YAML, so lists look like \`[1, 2]\`,`,
    'and an empty variable counts as not set. Names carry their unit. Every mistake is reported at once, with its source.',
    ...sections.flatMap((section) => [
      '',
      `## ${section.charAt(0).toUpperCase()}${section.slice(1)}`,
      '',
      ...table(
        ['name', 'default', 'meaning'],
        settings
          .filter((setting) => setting.section === section)
          .map((setting) => [`\`${setting.name}\``, `\`${setting.default}\``, setting.meaning]),
      ),
    ]),
    '',
  ].join('\n');
}

const stopsInWords: Record<Stops, string> = {
  none: 'nothing',
  message: 'the message',
  account: 'the account',
  host: 'all accounts of the host',
  run: 'the run',
};

const retryInWords: Record<Retry, string> = {
  never: 'when you have acted',
  soon: 'in the same run',
  'next-run': 'by the next run',
};

/** docs/errors.md, from the table in src/ground/errors.ts. */
export function errorsPage(): string {
  return [
    '# Errors',
    '',
    '<!-- Made by `npm run docs` from src/ground/errors.ts: change it there. -->',
    '',
    'Every error that Mailhaul reports has a code of this table, in the log, in reports and in the API. *Stops* is how far',
    'its damage goes, *tried again* when Mailhaul does the same again, *exit* the status of a command that ends because of',
    'it. Names in braces are filled in.',
    '',
    ...table(
      ['code', 'stops', 'tried again', 'exit', 'text', 'what to do'],
      errorRows.map((row) => [
        `\`${row.code}\``,
        stopsInWords[row.stops],
        retryInWords[row.retry],
        row.exit === undefined ? '' : String(row.exit),
        row.text,
        row.remedy,
      ]),
    ),
    '',
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)];
}

/** Text that stays in its cell and shows every character, whatever Markdown makes of it. */
function cell(text: string): string {
  return text.startsWith('`') ? text : text.replace(/[\\|*<>]/g, '\\$&').replace(/(?<=\s|^)_|_(?=\s|$)/g, '\\_');
}
