/** Text of the log made safe for whoever looks at it: what servers say may hold anything. */

// Control and format characters: escape sequences, text that runs backwards, line ends of other alphabets. C1 controls
// and format characters pass through JSON as they are, and a terminal obeys them in a file that is shown with cat.
const unsafe = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The text with each such character as the `\uXXXX` that JSON has for it. Line feeds stay. */
export function escapeControls(text: string): string {
  return text.replace(unsafe, (found) => {
    const units = Array.from({ length: found.length }, (_, at) => found.charCodeAt(at));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}

/** What a line of the log holds, with all text in it safe for a terminal; the lines of a stack stay lines. */
export function safeToShow(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return name === 'stack' ? escapeControls(value) : oneLine(value);
  if (Array.isArray(value)) return value.map((each) => safeToShow(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [oneLine(key), safeToShow(each, key)]));
}

function oneLine(text: string): string {
  return escapeControls(text).replaceAll('\n', '\\n');
}
