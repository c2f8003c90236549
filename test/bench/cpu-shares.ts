/** Where the processor time of a run went: each sample of a profile belongs to one kind of work (docs/benchmark.md). */
import type { Frame } from './cpu-profile.ts';

/** The kinds of work, in the order in which they are shown. */
export const kinds = [
  'transport, pop3',
  'spool',
  'imap, append',
  'message',
  'ledger, index, queues',
  'start',
  'garbage collection',
  'rest',
] as const;

/** One kind of work. */
export type Kind = (typeof kinds)[number];

/** Folders and packages by the kind of work that is done there. What is in none is `rest`. */
const owners: readonly (readonly [Kind, RegExp])[] = [
  ['ledger, index, queues', /^(?:src\/(?:ledger|schedule|limits|ground\/(?:redis|keys|held-key))|workers)\b/],
  ['ledger, index, queues', /^(?:bullmq|ioredis|@ioredis\/.*|redis-.*|standard-as-callback|cluster-key-slot|denque)$/],
  ['ledger, index, queues', /^(?:msgpackr|cron-parser|croner|luxon|node-abort-controller)$/],
  ['transport, pop3', /^(?:src\/(?:transport|pop3|download)\b|socks$|smart-buffer$)/],
  ['spool', /^src\/spool\b/],
  ['imap, append', /^(?:src\/(?:imap|append)\b|imapflow$|libqp$|libbase64$)/],
  ['message', /^(?:src\/message\b|libmime$|encoding-japanese$|iconv-lite$)/],
];

const loading = /^(?:src\/start-up\.ts|dist\/.*|node:internal\/(?:modules|bootstrap|main|process\/execution).*)$/;

/** The kind that a place belongs to; undefined where it says nothing: what Node.js and V8 do is done for somebody. */
export function kindOf(place: string): Kind | undefined {
  if (loading.test(place)) return 'start';
  if (place === '' || place.startsWith('node:')) return undefined;
  return owners.find(([, pattern]) => pattern.test(place))?.[0] ?? 'rest';
}

/**
 * Microseconds by kind. A sample belongs to the innermost function on its stack that is ours or a package's; to the start
 * where a part of the program is being loaded or Node.js starts; else, as what Node.js does by itself, to the rest.
 */
export function sharesOf(root: Frame): Record<Kind, number> {
  const shares = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
  const walk = (frame: Frame, above: Kind) => {
    const kind = kindUnder(frame, above);
    shares[kind] += frame.self;
    for (const child of frame.children) walk(child, kind);
  };
  walk(root, 'rest');
  return shares;
}

/** The kind of a function that was called by one of the kind `above`. */
export function kindUnder({ name, place }: Frame, above: Kind): Kind {
  if (name === '(garbage collector)') return 'garbage collection';
  // Whatever runs while a part is loaded is the start.
  return above === 'start' ? above : (kindOf(place) ?? above);
}
