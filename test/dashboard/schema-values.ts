/** Values for the tests, made from the JSON schemas of the API: good ones, bad ones, and some of each. */
import fc from 'fast-check';
import { writtenDocument } from './documented.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** Strings that mean something to somebody: paths, markup, formulas, terminals, prototypes. */
export const nastyText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    '../../etc/passwd',
    '<img src=x onerror=alert(1)>',
    '=1+1',
    '\u001b[2J\u0000',
    'true',
    '1e999',
    '-1',
    '\ud800',
    'x'.repeat(1000),
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
);

/** Any JSON, with names that an object has already. */
const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  nastyText,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constant(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')),
  fc.constant(Array.from({ length: 2000 }, (_, i) => i)),
);

/** What a schema allows, more or less: each part of it is now and then something else. */
export function valuesLike(schema: Schema): fc.Arbitrary<unknown> {
  const like = fitting(schema);
  return fc.oneof({ arbitrary: like, weight: 5 }, { arbitrary: anyJson, weight: 1 });
}

function fitting(schema: Schema): fc.Arbitrary<unknown> {
  const { $ref, const: only, enum: some, anyOf, oneOf, properties, items } = schema;
  if ($ref !== undefined) return valuesLike(writtenDocument.components.schemas[$ref.split('/').at(-1)!] as Schema);
  if (only !== undefined) return fc.constant(only);
  if (some) return fc.constantFrom(...some);
  const either = anyOf ?? oneOf;
  if (either) return fc.oneof(...either.map(valuesLike));
  if (properties) {
    const fields = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, valuesLike(one)]));
    const known = fc.record(fields, { requiredKeys: [] });
    const unknown = fc.dictionary(nastyText, anyJson, { maxKeys: 1 });
    return fc.tuple(known, fc.option(unknown, { freq: 4 })).map(([one, more]) => ({ ...one, ...more }));
  }
  if (items) return fc.array(valuesLike(items), { maxLength: 4 });
  if (schema.type === 'integer' || schema.type === 'number') return fc.oneof(fc.integer(), fc.double());
  if (schema.type === 'boolean') return fc.boolean();
  return nastyText;
}
