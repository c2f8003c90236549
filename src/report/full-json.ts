/** The whole report as one JSON document: that of the runs (design §4), and behind its totals what the whole report adds. */
import type { FullReport, ReportMessages } from './full-report.ts';

/** Writes it piece by piece; it is one document with an end of line behind it. */
export async function* fullJson(full: FullReport, messages: ReportMessages): AsyncGenerator<string> {
  const { report, head, groups, states, faults, verification } = full;
  yield `{\n  "version": ${report.version},\n  "run": ${json(report.run)},\n  "accounts": `;
  yield* list([report.accounts].values());
  const { title, madeAt, version, scope, by, host } = head;
  const made = { at: madeAt, mailhaul: version, title, scope, ...(by && { by }), ...(host && { host }) };
  const { proofs, ...proved } = verification;
  const told = {
    totals: report.totals,
    made,
    states,
    groups,
    unnamed: full.unnamed,
    sums: { agree: faults.length === 0, faults },
  };
  for (const [name, value] of Object.entries(told)) yield `,\n  "${name}": ${json(value)}`;
  const looked = proofs.filter(({ record }) => record !== undefined);
  yield `,\n  "verification": ${json({ ...proved, proofs: looked })}`;
  yield ',\n  "undelivered": ';
  yield* list(messages.undelivered());
  yield ',\n  "accepted": ';
  yield* list(messages.accepted());
  yield '\n}\n';
}

async function* list(parts: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>): AsyncGenerator<string> {
  let first = true;
  for await (const part of parts) {
    for (const one of part) {
      yield `${first ? '[' : ','}\n    ${json(one, '    ')}`;
      first = false;
    }
  }
  yield first ? '[]' : '\n  ]';
}

/** Also what is a control character to a terminal and none to JSON is escaped. */
function json(value: unknown, indent = '  '): string {
  const text = JSON.stringify(value, null, 2).replaceAll('\n', `\n${indent}`);
  return text.replace(/[\u007f-\u009f\u2028\u2029\p{Cf}]/gu, (one) =>
    [...Array(one.length)].map((_, i) => `\\u${one.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
