/** The type of an answer, from its schema. */
import type * as z from 'zod';

/** The same with nothing in it that may be changed: what an operation returns is read, and no more. */
export type ReadOnly<T> = T extends readonly (infer E)[]
  ? readonly ReadOnly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: ReadOnly<T[K]> }
    : T;

/** What a schema describes. */
export type Shown<S extends z.ZodType> = ReadOnly<z.output<S>>;
