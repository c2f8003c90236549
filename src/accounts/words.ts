/** Splitting a command line into words, without a shell. */

/**
 * The words of a command line, split as a POSIX shell would (IEEE 1003.1 §2.2): blanks separate, '…' keeps all, "…"
 * keeps all but \" and \\, a backslash outside quotes keeps the next character. Nothing is expanded.
 * Undefined where a quotation mark or a backslash has no end, or there is no word.
 */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    const next = text[at + 1];
    if (letter === quote) quote = '';
    else if (quote === "'") word += letter;
    else if (letter === '\\' && (quote === '' || next === '"' || next === '\\')) {
      if (next === undefined) return undefined;
      word = (word ?? '') + next;
      at++;
    } else if (quote === '"') word += letter;
    else if (letter === '"' || letter === "'") [quote, word] = [letter, word ?? ''];
    else if (letter === ' ' || letter === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + letter;
  }
  if (word !== undefined) words.push(word);
  return quote !== '' || words.length === 0 || words[0] === '' ? undefined : words;
}
