/** The files that the house rules speak about, and what they import. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** A text file of the project. */
export interface Source {
  /** From the project's root, with slashes. */
  path: string;
  text: string;
  lines: string[];
}

/** A file from its path and text. */
export function source(path: string, text: string): Source {
  return { path, text, lines: text.replace(/\n$/, '').split('\n') };
}

/** Every file below the folders that ends in one of the endings. Folders that do not exist are empty. */
export function readSources(folders: readonly string[], endings: readonly string[]): Source[] {
  const paths = folders.flatMap((folder) => (existsSync(folder) ? below(folder) : []));
  const chosen = paths.filter((path) => endings.some((ending) => path.endsWith(ending)));
  return chosen.sort().map((path) => source(path, readFileSync(path, 'utf8')));
}

function below(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => join(entry.parentPath, entry.name).replaceAll('\\', '/'));
}

/** What stands in code: the text without whole-line comments. */
export function code(file: Source): string {
  return file.text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/^\s*\/\/.*$/gm, '');
}

/** What a file imports: paths of files from the root, and names of packages. Types count: they are dependencies too. */
export function imports(file: Source): { files: string[]; packages: string[] } {
  const text = code(file);
  const statements = text.matchAll(/^\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*['"]([^'"\n]+)['"]/gm);
  const calls = text.matchAll(/\b(?:import|require)\(\s*['"]([^'"\n]+)['"]\s*\)/g);
  const specifiers = [...statements, ...calls].map((match) => match[1]!);
  const relative = specifiers.filter((specifier) => specifier.startsWith('.'));
  const others = specifiers.filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'));
  return {
    files: relative.map((specifier) => posix.join(dirname(file.path), specifier)),
    packages: others.map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/')),
  };
}

/** A function: where it begins and how many lines it has. */
export interface FunctionSpan {
  path: string;
  line: number;
  length: number;
}

const name = String.raw`(?!(?:if|for|while|switch|catch|return|else|do|try|with|await|throw|new)\b)(?:[\w$]+ )*[#*]*[\w$]+(?:<[^()]*>)?`;
const begins = [
  /^\s*(?:export )?(?:async )?function\b/,
  /=>\s*\{$/,
  new RegExp(String.raw`^\s+${name}\((?:[^()]|\([^()]*\))*\)(?::.*)?\s*\{$`),
];
/** A method whose parameters stand on lines of their own; a call looks the same until its end. */
const mayBegin = new RegExp(String.raw`^\s+${name}\(\{?$`);

/**
 * The functions of a formatted file. The formatter puts the brace that ends a function at the indentation of the line
 * that begins it, which spares a parser; a list of parameters over several lines ends there, too.
 */
export function functions(file: Source): FunctionSpan[] {
  return file.lines.flatMap((line, index) => {
    const indentation = /^\s*/.exec(line)![0];
    const outdented = (next: string) => next.startsWith(`${indentation}}`) || next.startsWith(`${indentation})`);
    const rest = file.lines.slice(index + 1);
    const isMethod = () => mayBegin.test(line) && rest.find(outdented)?.endsWith('{');
    if (line.endsWith('}') || !(begins.some((pattern) => pattern.test(line)) || isMethod())) return [];
    const end = rest.findIndex((next) => next.startsWith(`${indentation}}`) && !next.endsWith('{'));
    return end === -1 ? [] : [{ path: file.path, line: index + 1, length: end + 2 }];
  });
}
