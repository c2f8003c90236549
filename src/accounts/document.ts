/** The account list as YAML or JSON: a list of accounts, or an `accounts:` with one. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { printable } from '../ground/errors.ts';
import type { Row } from './cells.ts';
import type { Problems } from './problems.ts';

type Parsed = ReturnType<typeof parseDocument>;

/**
 * The rows of a YAML or JSON text (YAML 1.2 contains JSON). Numbers and booleans count as they are written, so that a
 * password 0123 keeps its zero. Mistakes are noted in `problems`; the text itself is never quoted, it holds passwords.
 */
export function* documentRows(text: string, problems: Problems): Generator<Row> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (node: unknown, otherwise: number) => {
    const range = (node as Node | null)?.range;
    return range ? lines.linePos(range[0]).line : otherwise;
  };
  for (const error of document.errors) {
    const place = `line ${lines.linePos(error.pos[0]).line}`;
    problems.add(place, `the YAML or JSON is malformed (${error.code.toLowerCase().replaceAll('_', ' ')})`);
  }
  if (document.errors.length > 0) return;
  const root = document.contents;
  const list = isMap(root) && root.has('accounts') ? root.get('accounts', true) : root;
  if (isMap(root) && list !== root) {
    for (const pair of root.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : '?';
      if (name !== 'accounts')
        problems.add(`line ${lineAt(pair.key, 1)}`, `${printable(name, 60)} stands beside accounts`);
    }
  }
  if (root === null || (isScalar(root) && root.value === null)) return;
  if (!isSeq(list)) {
    problems.add(`line ${lineAt(list, 1)}`, 'expected a list of accounts');
    return;
  }
  let line = 1;
  for (const item of list.items) {
    line = lineAt(item, line);
    const row = rowOf(item, line, document, problems);
    if (row) yield row;
  }
}

function rowOf(item: unknown, line: number, document: Parsed, problems: Problems): Row | undefined {
  const account = isAlias(item) ? item.resolve(document) : item;
  if (!isMap(account)) {
    problems.add(`line ${line}`, 'expected an account: column names with their values');
    return undefined;
  }
  const values = new Map<string, string>();
  for (const pair of account.items) {
    const name = isScalar(pair.key) ? String(pair.key.value).trim().toLowerCase() : '?';
    if (name.startsWith('x_')) continue;
    const value = isAlias(pair.value) ? pair.value.resolve(document) : pair.value;
    if (value === null) values.set(name, '');
    else if (!isScalar(value)) problems.add(`line ${line}`, `${printable(name, 60)} must be one value`);
    else values.set(name, textOf(value.value, value.source));
  }
  return { line, values };
}

function textOf(value: unknown, source: string | undefined): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : (source ?? String(value));
}
