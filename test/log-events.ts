/** The events of the log as they stand in the code: every call of a logger, with its level and its last argument. */
import { code, readSources } from './tidy/sources.ts';

/** A call of a logger. */
export interface LogCall {
  /** `src/file.ts: log.info(…` */
  readonly place: string;
  /** One, or those that a condition chooses from. */
  readonly levels: readonly string[];
  /** Undefined where it is no text that stands in the code. */
  readonly event: string | undefined;
}

const level = 'fatal|error|warn|info|debug|trace';
const call = new RegExp(
  String.raw`\b#?log(?:Of\(\w+\))?(?:\?)?(?:\.(${level})|\[([^\]]*'(?:${level})'[^\]]*)\])\(`,
  'gi',
);

/** All of src/ and workers/. */
export function logCalls(): LogCall[] {
  return readSources(['src', 'workers'], ['.ts']).flatMap((file) => {
    const text = code(file);
    return [...text.matchAll(call)].map((match) => {
      const said = argumentsAt(text, match.index + match[0].length);
      const levels =
        match[1] === undefined ? level.split('|').filter((one) => match[2]!.includes(`'${one}'`)) : [match[1]];
      return {
        place: `${file.path}: ${match[0]}${said}`,
        levels,
        event: /(?:^|,)\s*'([^'\\]*)',?\s*$/.exec(said)?.[1],
      };
    });
  });
}

/** From behind a parenthesis to the one that closes it; what stands in texts does not count. */
function argumentsAt(text: string, from: number): string {
  let depth = 1;
  let quote = '';
  for (let at = from; at < text.length; at += 1) {
    const here = text[at]!;
    if (quote !== '') {
      if (here === '\\') at += 1;
      else if (here === quote) quote = '';
    } else if (/['"`]/.test(here)) quote = here;
    else if ('([{'.includes(here)) depth += 1;
    else if (')]}'.includes(here)) depth -= 1;
    if (depth === 0) return text.slice(from, at);
  }
  throw new Error(`a call without an end: ${text.slice(from - 40, from + 100)}`);
}
