/** The whole report as one HTML file: no script, nothing from anywhere else, made to be read, printed and filed. */
import type { FullReport, ReportCause, ReportMessages } from '../full-report.ts';
import { type ReportLimits, unnamedText } from '../full-text.ts';
import { moment, number, size, sumLine } from '../text.ts';
import type { Verification } from '../verification.ts';
import { verificationWords } from '../verification-words.ts';
import { type Colour, charts } from './charts.ts';
import { html, Markup } from './markup.ts';
import { contentPolicy, style } from './style.ts';
import * as tables from './tables.ts';
import { throughputChart } from './throughput-chart.ts';

/** Reports with so few accounts show them at once. */
const openAtMost = 50;
/** Ids that are named with a problem. */
const idsShown = 20;
/** With this line a report of this kind begins: it may take the place of an earlier one. */
export const htmlBeginning = '<!doctype html>\n<!-- Mailhaul report -->';

const verdictColours: Readonly<Record<Verification['verdict'], Colour>> = {
  proved: 'good',
  partly: 'warn',
  faulty: 'bad',
  none: 'none',
};

/** Writes it piece by piece. */
export async function* fullHtml(
  full: FullReport,
  messages: ReportMessages,
  limits: ReportLimits,
): AsyncGenerator<string> {
  yield head(full).text;
  if (full.faults.length > 0) yield faultBox(full.faults).text;
  yield verdictBox(full.verification).text;
  yield totals(full).text;
  yield attention(full.causes).text;
  yield html`<h2>Groups</h2>
${tables.groupTable(full)}<h2>Accounts</h2>
`.text;
  yield* accounts(full);
  yield '<h2>Messages that did not arrive</h2>\n';
  yield* listed(messages.undelivered(), tables.undeliveredHead, tables.undeliveredRow, limits);
  if (full.unnamed > 0)
    yield html`<p>${unnamedText(full.unnamed)}</p>
`.text;
  yield '<h2>Accepted: messages that may stay behind</h2>\n';
  yield* listed(messages.accepted(), tables.acceptedHead, tables.acceptedRow, limits);
  yield foot().text;
}

function head({ head: { title, madeAt, version, scope, by, host }, report }: FullReport): Markup {
  const where = host !== '' && html` on ${host}`;
  const who = by !== '' && html` by ${by}`;
  const { startedAt, finishedAt } = report.run;
  return html`${new Markup(htmlBeginning)}
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(contentPolicy())}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="quiet">Made ${moment(madeAt)}${who}${where} with Mailhaul ${version}: ${scope}. The runs that it tells of went from ${moment(startedAt)} to ${moment(finishedAt)}.</p>
`;
}

/** Sums that do not agree come before everything else. */
function faultBox(faults: readonly string[]): Markup {
  return html`<section class="box bad" aria-label="Fault"><h2>The sums do not agree: do not rely on these numbers</h2>
<ul>${faults.map((fault) => html`<li>${fault}</li>`)}</ul></section>
`;
}

function verdictBox(verification: Verification): Markup {
  const { headline, found, proves, provesNot } = verificationWords(verification);
  const list = (heading: string, items: readonly string[]) =>
    items.length > 0 && html`<div><h3>${heading}</h3><ul>${items.map((item) => html`<li>${item}</li>`)}</ul></div>`;
  return html`<section class="box ${verdictColours[verification.verdict]}" aria-label="Verification"><h2>${headline}</h2>
${found.map((line) => html`<p>${line}</p>`)}
<div class="columns">${list('What this proves', proves)}${list('What it does not prove', provesNot)}</div></section>
`;
}

function totals(full: FullReport): Markup {
  const { report, open, moved } = full;
  const { messages, bytes } = report.totals;
  const moving =
    open > 0 &&
    html`<p>${tables.mark(`${number(open)} run(s) still go on`, 'warn')}: these are the numbers of that moment.</p>
`;
  return html`<h2>Totals</h2>
${moving}<p>${number(report.totals.accounts)} account(s), ${size(bytes.listed)} at the source. Every message is accounted for:</p>
<p class="sum">${sumLine(messages)}</p>
${charts(full)}${throughputChart(moved.samples, moved.stepMs) ?? ''}`;
}

function attention(causes: readonly ReportCause[]): Markup {
  if (causes.length === 0)
    return html`<h2>What needs attention</h2>
<p>Nothing.</p>
`;
  const row = ({ code, count, text, remedy, stops, accounts: ids }: ReportCause) => {
    const more = ids.length > idsShown && html` and ${number(ids.length - idsShown)} more`;
    const colour = stops === 'none' ? 'none' : 'bad';
    return html`<tr><th scope="row">${tables.mark(code, colour)}</th><td class="n">${number(count)}</td><td class="text">${ids.slice(0, idsShown).join(', ')}${more}</td><td class="text">${text}</td><td class="text">${remedy}</td></tr>
`;
  };
  return html`<h2>What needs attention</h2>
<div class="wide" tabindex="0" role="region" aria-label="Problems"><table><caption>Problems, those that stop most first</caption>
<thead><tr><th scope="col">problem</th><th scope="col" class="n">times</th><th scope="col">accounts</th><th scope="col">what happened</th><th scope="col">what to do</th></tr></thead>
<tbody>
${causes.map(row)}</tbody></table></div>
`;
}

function* accounts({ report, groups, verification }: FullReport): Generator<string> {
  const places = new Map<string, number[]>(groups.map(({ group }) => [group, []]));
  for (const [i, { group }] of report.accounts.entries()) places.get(group)!.push(i);
  for (const group of groups) {
    yield tables.accountsHead(group, report.accounts.length <= openAtMost).text;
    for (const i of places.get(group.group)!) {
      yield tables.accountRow(report.accounts[i]!, verification.proofs[i]!).text;
    }
    yield tables.accountsFoot().text;
  }
}

async function* listed<T extends { readonly account: string }>(
  parts: AsyncIterable<readonly T[]>,
  headOf: (account: string) => Markup,
  rowOf: (message: T) => Markup,
  { messagesMax }: ReportLimits,
): AsyncGenerator<string> {
  let [shown, left] = [0, 0];
  for await (const part of parts) {
    const room = part.slice(0, messagesMax - shown);
    shown += room.length;
    left += part.length - room.length;
    if (room.length === 0) continue;
    yield headOf(room[0]!.account).text;
    for (const message of room) yield rowOf(message).text;
    yield tables.messagesFoot().text;
  }
  if (shown + left === 0) yield '<p>None.</p>\n';
  if (left > 0)
    yield html`<p>${tables.mark(`And ${number(left)} more`, 'bad')}: <code>mailhaul report --format csv --messages</code> and <code>--format json</code> have all of them.</p>
`.text;
}

function foot(): Markup {
  const words: readonly (readonly [string, string])[] = [
    ['known', 'delivered in an earlier run, or signed off'],
    ['appended', 'delivered by this run: the destination said OK'],
    ['duplicate', 'there already, and proved to be the same message'],
    ['refused', 'the destination did not take it, and nobody has accepted that'],
    ['failed', 'the source did not hand it out'],
    ['vanished', 'deleted at the source by somebody else before it was fetched'],
    ['pending', 'listed and not delivered yet'],
  ];
  return html`<h2>What the words mean</h2>
<ul>${words.map(([word, meaning]) => html`<li><strong>${word}</strong>: ${meaning}</li>`)}</ul>
<div class="sign"><p>Name</p><p>Date</p><p>Signature</p></div>
</main>
</body>
</html>
`;
}
