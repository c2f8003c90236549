/**
 * Regular expressions that take linear time, whatever the text (decision 0013). The only place that knows re2js, which is
 * loaded when a setting needs it.
 */
import { readFileSync } from 'node:fs';
import type { RE2JS } from 're2js';

/** Longest pattern, in characters. */
const patternMaxLength = 1000;

let engine: typeof RE2JS | undefined;

/** A pattern that was read. */
export interface Pattern {
  /** Whether it occurs anywhere in a text, whatever the case of its letters. */
  occursIn(text: string): boolean;
}

/** Makes patterns readable. Called before settings are loaded that may have any. */
export async function loadPatterns(): Promise<void> {
  engine ??= (await import('re2js')).RE2JS;
}

/** The same, but only where the settings file or the variable has the word for a pattern. */
export async function loadPatternsFor(configFile: string | undefined, rules: string | undefined): Promise<void> {
  if (hasPatterns(rules ?? '') || hasPatterns(textOf(configFile))) await loadPatterns();
}

/** Reads a pattern (the syntax of RE2). Throws an Error that says what is wrong with it. */
export function readPattern(text: string): Pattern {
  if (text.length > patternMaxLength) throw new Error(`expected at most ${patternMaxLength} characters`);
  if (!engine) throw new Error('expected the word "matches" as it is, since patterns are looked for by it');
  try {
    const pattern = engine.compile(text, engine.CASE_INSENSITIVE);
    return { occursIn: (subject) => pattern.test(subject) };
  } catch (error) {
    const reason = (error as Error).message.replace(/^error parsing regexp: /, '').replace('`(?i)', '`');
    throw new Error(`expected a regular expression of RE2, which has no look-around and no \\1: ${reason}`);
  }
}

function hasPatterns(text: string): boolean {
  return text.includes('matches');
}

/** What cannot be read is the business of whoever reads the settings. */
function textOf(path: string | undefined): string {
  try {
    return path === undefined ? '' : readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
