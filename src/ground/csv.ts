/** Lines of CSV files (RFC 4180): such as people open with a spreadsheet, and such as programs read. */

/** What nobody sees, and spreadsheets pass over: spaces of all kinds, controls, marks of direction and of no width, fillers. */
const unseen =
  '\\p{Z}\\p{Cf}\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u034f\\u115f\\u1160\\u3164\\uffa0\\ufe00-\\ufe0f';
/** What begins a formula (CWE-1236) or a command of DDE, in any width: some programs turn one into the other. */
const begin = '=+\\-@|%＝＋－＠｜％﹢﹣﹦﹪﹫−';
/** Tabs and line breaks go first in any case: what follows them may land in a cell of its own. */
const formula = new RegExp(`^(?:[\\t\\r\\n]|[${unseen}]*[${begin}\\t\\r\\n])`, 'u');
/** Where the list separator is a semicolon or a tab, text behind one is a cell of its own, whatever quotes say. */
const innerFormula = new RegExp(`([;\\t\\r\\n])(?=[${unseen}]*[${begin}])`, 'gu');

/**
 * One line of a file for people, its line end included: an apostrophe goes before what a spreadsheet would take for a
 * formula. Numbers stay numbers: only we write them.
 */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map((value) => (typeof value === 'number' ? String(value) : quoted(harmless(value)))).join(',')}\r\n`;
}

/** The same with every cell exactly as it is: for programs, not for spreadsheets. */
export function exactCsvLine(cells: readonly (string | number)[]): string {
  return `${cells.map((value) => quoted(String(value))).join(',')}\r\n`;
}

function harmless(text: string): string {
  const inner = text.replace(innerFormula, "$1'");
  return formula.test(text) ? `'${inner}` : inner;
}

function quoted(text: string): string {
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
