/** The conditions of a rule: their shape, and the schema that finds what is wrong with them. */
import * as z from 'zod';
import { readPattern } from './patterns.ts';

/** One text, or several of which any will do. */
export type Texts = string | readonly string[];

/** What must hold of a message; everything that is given must. */
export interface Condition {
  /** Name of a field, which one of the four that follow is about. */
  readonly header?: string;
  readonly equals?: Texts;
  readonly contains?: Texts;
  /** A pattern of RE2. */
  readonly matches?: Texts;
  readonly exists?: boolean;
  /** The user sent it: an own address in From and none among the recipients. */
  readonly fromMe?: boolean;
  /** The source's filter calls it spam. */
  readonly spam?: boolean;
  readonly listId?: boolean | Texts;
  readonly olderThanDays?: number;
  readonly newerThanDays?: number;
  /** It arrived in a year before the current one. */
  readonly beforeThisYear?: boolean;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  /** Host of the source (`pop_host`). */
  readonly source?: Texts;
  readonly all?: readonly Condition[];
  readonly any?: readonly Condition[];
  readonly not?: Condition;
}

/** How deep `all`, `any` and `not` may stand in one another. */
const depthMax = 4;
const textMaxLength = 1000;
const textsMax = 1000;
const groupMax = 100;
const headerTests = ['equals', 'contains', 'matches', 'exists'] as const;

const text = z.string().min(1).max(textMaxLength);
const aText = `expected a text, or a list of at most ${textsMax} texts, of 1 to ${textMaxLength} characters each`;
const texts = z.union([text, z.array(text).min(1).max(textsMax)], aText);
const days = z.number().min(0).max(100_000);
const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Patterns that can be read. */
const patterns = texts.superRefine((value, context) => {
  for (const pattern of [value].flat()) {
    // Of its length the schema has complained
    if (pattern.length > textMaxLength) continue;
    try {
      readPattern(pattern);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  }
});

const conditionFields = {
  // RFC 5322 §2.2: printable US-ASCII without the colon.
  header: z
    .string()
    .regex(/^[\x21-\x39\x3b-\x7e]{1,200}$/, 'expected the name of a header field, without its colon')
    .optional(),
  equals: texts.optional(),
  contains: texts.optional(),
  matches: patterns.optional(),
  exists: z.boolean().optional(),
  fromMe: z.boolean().optional(),
  spam: z.boolean().optional(),
  listId: z.union([z.boolean(), texts], 'expected true, or the list of List-Id, or a list of these').optional(),
  olderThanDays: days.optional(),
  newerThanDays: days.optional(),
  beforeThisYear: z.boolean().optional(),
  minBytes: bytes.optional(),
  maxBytes: bytes.optional(),
  source: texts.optional(),
};

/** The fields of a condition at the top of a rule, those that hold conditions of their own included. */
export const conditionShape = { ...conditionFields, ...groupsOf(depthMax) };

function groupsOf(depth: number) {
  const tooDeep = z
    .custom<Condition>(() => false, `expected at most ${depthMax} conditions inside one another`)
    .optional();
  if (depth === 0) return { all: tooDeep, any: tooDeep, not: tooDeep };
  const inner: z.ZodType = z
    .strictObject({ ...conditionFields, ...groupsOf(depth - 1) })
    .superRefine((value, context) => {
      for (const message of conditionFaults(value as Condition)) context.addIssue({ code: 'custom', message });
      if (Object.keys(value).length === 0) context.addIssue({ code: 'custom', message: 'expected a condition' });
    });
  const group = z.array(inner).min(1).max(groupMax).optional();
  return { all: group, any: group, not: inner.optional() };
}

/** What is wrong with a condition beyond its fields. */
export function conditionFaults(condition: Condition): string[] {
  const { header, newerThanDays = Number.POSITIVE_INFINITY, olderThanDays = 0, minBytes = 0, maxBytes } = condition;
  const tests = headerTests.filter((name) => condition[name] !== undefined);
  const faults: string[] = [];
  if (header === undefined && tests.length > 0)
    faults.push(`${tests[0]} needs the field that it is about: header: NAME`);
  if (header !== undefined && tests.length !== 1) {
    faults.push(`header needs one of ${headerTests.join(', ')}; for more of them use all`);
  }
  if (newerThanDays <= olderThanDays)
    faults.push('no message is newer than newerThanDays and older than olderThanDays');
  if (maxBytes !== undefined && maxBytes < minBytes) faults.push('no message has minBytes and only maxBytes');
  return faults;
}
