/** Conditions of rules, read once and asked for every message. */
import { readPattern } from '../../ground/patterns.ts';
import type { Condition, Texts } from '../../ground/settings-conditions.ts';
import type { ZonedDate } from '../../message/date-parts.ts';
import type { HeaderFields } from '../../message/header.ts';
import { listIdOf } from '../../message/list-id.ts';
import { isOwnMail } from '../../message/own-mail.ts';
import { isMarkedSpam } from '../../message/spam.ts';
import { folded, type HeaderTexts } from './header-texts.ts';

/** What rules look at besides the message. */
export interface RuleScope {
  /** Addresses of the user, in lower case. */
  readonly addresses: ReadonlySet<string>;
  /** Host of the source (`pop_host`). */
  readonly source: string;
}

/** One message as conditions see it. */
export interface RuledMessage {
  readonly fields: HeaderFields;
  readonly texts: HeaderTexts;
  /** Bytes at the source. */
  readonly size: number;
  /** When it arrived, where anything says so. */
  readonly date: ZonedDate | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Whether a condition holds. */
export type Test = (message: RuledMessage) => boolean;

const dayMs = 24 * 3600 * 1000;

/** Reads a condition: what it gives holds where all that it names holds. */
export function conditionTest(condition: Condition, scope: RuleScope): Test {
  const tests = [...headerTests(condition), ...plainTests(condition, scope), ...groupTests(condition, scope)];
  return (message) => tests.every((test) => test(message));
}

/** Whether a condition, or one inside it, asks for the text of a field. */
export function readsTexts(condition: Condition): boolean {
  const inner = [...(condition.all ?? []), ...(condition.any ?? []), ...(condition.not ? [condition.not] : [])];
  return (condition.header !== undefined && condition.exists === undefined) || inner.some(readsTexts);
}

function headerTests({ header, equals, contains, matches, exists }: Condition): Test[] {
  if (header === undefined) return [];
  const name = header.toLowerCase();
  if (exists !== undefined) return [({ texts }) => texts.has(name) === exists];
  const some =
    (test: (text: string) => boolean): Test =>
    ({ texts }) =>
      texts.of(name).some(test);
  if (equals !== undefined) {
    const wanted = new Set(listOf(equals).map((text) => folded(text).replace(/\s+/g, ' ').trim()));
    return [some((text) => wanted.has(folded(text)))];
  }
  if (contains !== undefined) {
    const wanted = listOf(contains).map(folded);
    return [
      some((text) => {
        const whole = folded(text);
        return wanted.some((part) => whole.includes(part));
      }),
    ];
  }
  const patterns = listOf(matches ?? []).map(readPattern);
  return [some((text) => patterns.some((pattern) => pattern.occursIn(text)))];
}

function plainTests(condition: Condition, { addresses, source }: RuleScope): Test[] {
  const { fromMe, spam, listId, olderThanDays, newerThanDays, beforeThisYear, minBytes, maxBytes } = condition;
  const tests: Test[] = [];
  if (fromMe !== undefined) tests.push(({ fields }) => isOwnMail(fields, addresses) === fromMe);
  if (spam !== undefined) tests.push(({ fields }) => isMarkedSpam(fields) === spam);
  if (listId !== undefined) tests.push(listTest(listId));
  if (olderThanDays !== undefined) tests.push(({ date, now }) => !!date && now - date.time > olderThanDays * dayMs);
  if (newerThanDays !== undefined) tests.push(({ date, now }) => !!date && now - date.time < newerThanDays * dayMs);
  if (beforeThisYear !== undefined) {
    tests.push(({ date, now }) => !!date && yearOf(date) < new Date(now).getUTCFullYear() === beforeThisYear);
  }
  if (minBytes !== undefined) tests.push(({ size }) => size >= minBytes);
  if (maxBytes !== undefined) tests.push(({ size }) => size <= maxBytes);
  if (condition.source !== undefined) {
    const holds = listOf(condition.source).some((host) => host.toLowerCase() === source.toLowerCase());
    tests.push(() => holds);
  }
  return tests;
}

function groupTests({ all, any, not }: Condition, scope: RuleScope): Test[] {
  const tests: Test[] = (all ?? []).map((inner) => conditionTest(inner, scope));
  if (any) {
    const choices = any.map((inner) => conditionTest(inner, scope));
    tests.push((message) => choices.some((test) => test(message)));
  }
  if (not) {
    const refused = conditionTest(not, scope);
    tests.push((message) => !refused(message));
  }
  return tests;
}

function listTest(listId: boolean | Texts): Test {
  if (typeof listId === 'boolean') return ({ fields }) => (listIdOf(fields) !== undefined) === listId;
  const wanted = new Set(listOf(listId).map((text) => text.toLowerCase()));
  return ({ fields }) => wanted.has(listIdOf(fields) ?? '');
}

/** The year in which a message arrived, by its own clock. */
export function yearOf({ time, zone }: ZonedDate): number {
  return new Date(time + zone * 60_000).getUTCFullYear();
}

function listOf(texts: Texts): readonly string[] {
  return typeof texts === 'string' ? [texts] : texts;
}
