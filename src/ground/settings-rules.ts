/** The setting `rules`: its shape, the schema that finds what is wrong with it, and which list holds for an account. */
import * as z from 'zod';
import { printable } from './errors.ts';
import { nearest } from './nearest.ts';
import { type Condition, conditionFaults, conditionShape } from './settings-conditions.ts';
import { readTemplate } from './settings-templates.ts';

/** Rules that a list may name instead of saying what they do. */
export const presetNames = [
  'own-mail-to-sent',
  'spam-to-junk',
  'archive-by-year',
  'skip-folder-internal-data',
] as const;

/** The name of one. */
export type PresetName = (typeof presetNames)[number];

/** What is done with messages of which all conditions hold. */
export interface Rule extends Condition {
  readonly name?: string;
  /** The mailbox as `readTemplate` has it; `imap_mailbox` where there is none. */
  readonly to?: string;
  /** Why the message is not carried. */
  readonly skip?: string;
  readonly flags?: readonly string[];
  readonly keywords?: readonly string[];
  /** Whether it arrives as read, whatever the settings say otherwise. */
  readonly seen?: boolean;
}

/** One element of a list; `inherited` stands for the list that would hold otherwise. */
export type RuleElement = PresetName | 'inherited' | Rule;

/** The lists of the setting. */
export interface Rules {
  readonly default: readonly RuleElement[];
  readonly groups: Readonly<Record<string, readonly RuleElement[]>>;
  readonly accounts: Readonly<Record<string, readonly RuleElement[]>>;
}

/** The list that config/default.yaml has: what `inherited` is in `default`. */
export const shippedRules: readonly PresetName[] = ['skip-folder-internal-data', 'own-mail-to-sent'];

const rulesMax = 200;
const actions = ['to', 'skip', 'flags', 'keywords', 'seen'] as const;
/** RFC 3501 §2.3.2: \Deleted would have the message go, \Recent belongs to the server. */
const flags = ['\\Seen', '\\Flagged', '\\Answered', '\\Draft'] as const;

const template = z.string().superRefine((value, context) => {
  try {
    readTemplate(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

const printableLine = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?=.*\S)[^\p{Cc}\u2028\u2029]+$/u, 'expected a text on one line, without control characters');

const ruleSchema = z
  .strictObject({
    ...conditionShape,
    name: printableLine.optional(),
    to: template.optional(),
    skip: printableLine.optional(),
    flags: z.array(z.enum(flags)).max(flags.length).optional(),
    // RFC 3501 §9: flag-keyword is an atom.
    keywords: z
      .array(z.string().regex(/^[!#$&'+-Z^-z|}~[]{1,60}$/, 'expected a keyword: letters, digits, $, - and _'))
      .max(20)
      .optional(),
    seen: z.boolean().optional(),
  })
  .superRefine((rule, context) => {
    const done = actions.filter((name) => rule[name] !== undefined);
    const faults = conditionFaults(rule as Condition);
    if (done.length === 0) faults.push(`says nothing that is to be done: ${actions.join(', ')}`);
    if (done.includes('skip') && done.length > 1) faults.push(`skips and has ${done.find((name) => name !== 'skip')}`);
    if (rule.seen === false && rule.flags?.includes('\\Seen')) faults.push('has the flag \\Seen and says seen: false');
    for (const message of faults) context.addIssue({ code: 'custom', message });
  });

/** One element; what is wrong with it names the rule. */
const element = z.custom<RuleElement>().superRefine((value, context) => {
  if (typeof value === 'string') {
    if (value === 'inherited' || presetNames.some((name) => name === value)) return;
    const meant = nearest(value, [...presetNames, 'inherited']);
    const advice = meant === undefined ? `there are ${presetNames.join(', ')} and inherited` : `did you mean ${meant}?`;
    context.addIssue({ code: 'custom', message: `there is no preset of this name; ${advice}` });
    return;
  }
  const issues = ruleSchema.safeParse(value).error?.issues ?? [];
  const misspelt = new Set(issues.filter(isMisspelt).map(({ path }) => path.join('.')));
  for (const issue of issues) {
    // What else is missing there is what was misspelt.
    if (issue.code === 'custom' && misspelt.has(issue.path.join('.'))) continue;
    for (const { path, message } of complaintsOf(issue)) {
      context.addIssue({ code: 'custom', path: [...path], message: labelOf(value) + message });
    }
  }
});

const list = z
  .array(element)
  .max(rulesMax)
  .refine((rules) => rules.filter((one) => one === 'inherited').length <= 1, 'expected inherited once at most');

/** The schema of the setting. */
export const rulesSchema = z.strictObject({
  default: list,
  groups: z.record(z.string(), list),
  accounts: z.record(z.string(), list),
});

/** The rules of an account in their order: its own list, else that of its group, else the default. */
export function rulesFor(
  rules: Rules,
  { id, group }: { readonly id: string; readonly group: string },
): readonly (PresetName | Rule)[] {
  const held = (lists: Rules['groups'], name: string) => (Object.hasOwn(lists, name) ? lists[name] : undefined);
  const levels = [rules.default, held(rules.groups, group), held(rules.accounts, id)];
  let outer: readonly (PresetName | Rule)[] = shippedRules;
  for (const level of levels) {
    const below = outer;
    if (level) outer = level.flatMap((one) => (one === 'inherited' ? below : [one]));
  }
  return outer;
}

/** Groups and accounts that a setting names and no account has: misspelt, or not in the list yet. */
export function strangersIn(
  setting: { readonly groups: object; readonly accounts: object },
  owners: readonly { readonly id: string; readonly group: string }[],
): { groups: string[]; accounts: string[] } {
  const groups = new Set(owners.map(({ group }) => group));
  const ids = new Set(owners.map(({ id }) => id));
  return {
    groups: Object.keys(setting.groups).filter((name) => !groups.has(name)),
    accounts: Object.keys(setting.accounts).filter((name) => !ids.has(name)),
  };
}

function labelOf(value: unknown): string {
  const name = (value as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' ? `rule "${printable(name, 60)}": ` : '';
}

function isMisspelt({ code }: z.core.$ZodIssue): boolean {
  return code === 'unrecognized_keys';
}

/** One for each name that is not known. */
function complaintsOf(issue: z.core.$ZodIssue): { path: readonly PropertyKey[]; message: string }[] {
  const { path } = issue;
  if (issue.code !== 'unrecognized_keys')
    return [{ path, message: issue.message.replace(/^Invalid (?:input|option): /, '') }];
  const known = [...Object.keys(conditionShape), 'name', ...actions];
  return issue.keys.map((key) => {
    const meant = nearest(key, known);
    const advice = meant === undefined ? 'docs/placement.md has them all' : `did you mean ${meant}?`;
    return { path: [...path, key], message: `there is no such condition or action; ${advice}` };
  });
}
