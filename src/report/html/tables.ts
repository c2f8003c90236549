/** The tables of the page: groups, accounts, messages. */
import type { FullReport, GroupReport } from '../full-report.ts';
import type { AccountReport, MessageCounts } from '../report.ts';
import { moment, number, size } from '../text.ts';
import type { AcceptedMessage, ToldMessage, UndeliveredMessage } from '../undelivered.ts';
import type { Proof, ProofState } from '../verification.ts';
import { proofWords } from '../verification-words.ts';
import { type Colour, stateColours } from './charts.ts';
import { html, type Markup } from './markup.ts';

const proofColours: Readonly<Record<ProofState, Colour>> = {
  proved: 'good',
  stale: 'warn',
  faulty: 'bad',
  none: 'none',
};

/** A word with the colour of what it means. */
export function mark(word: string, colour: Colour): Markup {
  return html`<span class="mark ${colour}">${word}</span>`;
}

/** One line a group, and the sums. */
export function groupTable({ groups, report, verification }: FullReport): Markup {
  const { totals } = report;
  const row = ({
    group,
    accounts,
    proved,
    messages,
    bytes,
    states,
  }: GroupReport) => html`<tr><th scope="row">${group || '(no group)'}</th><td class="n">${number(accounts)}</td><td class="n">${number(states.complete ?? 0)}</td><td class="n">${number(proved)}</td>${counts(messages)}<td class="n">${size(bytes.listed)}</td></tr>
`;
  return html`<div class="wide" tabindex="0" role="region" aria-label="Groups"><table><caption>Groups</caption>
<thead><tr><th scope="col">group</th><th scope="col" class="n">accounts</th><th scope="col" class="n">complete</th><th scope="col" class="n">proved</th>${countHeads()}<th scope="col" class="n">size</th></tr></thead>
<tbody>
${groups.map(row)}</tbody>
<tfoot><tr><th scope="row">all</th><td class="n">${number(totals.accounts)}</td><td class="n">${number(groups.reduce((sum, { states }) => sum + (states.complete ?? 0), 0))}</td><td class="n">${number(verification.counts.proved)}</td>${counts(totals.messages)}<td class="n">${size(totals.bytes.listed)}</td></tr></tfoot>
</table></div>
`;
}

/** What goes before the rows of a group's accounts; those of a small report are open. */
export function accountsHead({ group, accounts }: Pick<GroupReport, 'group' | 'accounts'>, open: boolean): Markup {
  const name = group || 'no group';
  return html`<details${open && html` open`}><summary>${name}: ${number(accounts)} account(s)</summary>
<div class="wide" tabindex="0" role="region" aria-label="Accounts of ${name}"><table><caption>Accounts of ${name}</caption>
<thead><tr><th scope="col">account</th><th scope="col">state</th><th scope="col">verified</th>${countHeads()}<th scope="col" class="n">size</th><th scope="col">problems</th></tr></thead>
<tbody>
`;
}

/** What goes behind them. */
export function accountsFoot(): Markup {
  return html`</tbody></table></div></details>
`;
}

/** One account. */
export function accountRow({ id, state, messages, bytes, problems }: AccountReport, proof: Proof): Markup {
  const when = proof.record?.startedAt.slice(0, 10) ?? '';
  return html`<tr><th scope="row">${id}</th><td class="nowrap">${mark(state, stateColours[state])}</td><td class="nowrap">${mark(proofWords[proof.state], proofColours[proof.state])} ${when}</td>${counts(messages)}<td class="n">${size(bytes.listed)}</td><td>${problems.map(({ code }) => code).join(', ')}</td></tr>
`;
}

/** What goes before the messages of an account that did not arrive. */
export function undeliveredHead(account: string): Markup {
  return html`<h3>${account}</h3>
<div class="wide" tabindex="0" role="region" aria-label="Messages of ${account} that did not arrive"><table><caption>Messages of ${account} that did not arrive</caption>
<thead><tr>${messageHeads()}<th scope="col">why</th><th scope="col">what to do</th></tr></thead>
<tbody>
`;
}

/** One message that did not arrive. */
export function undeliveredRow(message: UndeliveredMessage): Markup {
  const { fate, code, text, reply, remedy, tries } = message;
  const said = reply !== '' && !text.includes(reply) && html`<br>The server said: ${reply}`;
  const often = tries > 1 && html` <span class="quiet">Tried ${number(tries)} times.</span>`;
  return html`<tr>${told(message)}<td class="text">${mark(fate, 'bad')} <code>${code}</code><br>${text}${said}${often}</td><td class="text">${remedy}</td></tr>
`;
}

/** What goes before the messages of an account that were accepted. */
export function acceptedHead(account: string): Markup {
  return html`<h3>${account}</h3>
<div class="wide" tabindex="0" role="region" aria-label="Messages of ${account} that may stay behind"><table><caption>Messages of ${account} that may stay behind</caption>
<thead><tr>${messageHeads()}<th scope="col">why it did not arrive</th><th scope="col">accepted</th></tr></thead>
<tbody>
`;
}

/** One message that was accepted. */
export function acceptedRow(message: AcceptedMessage): Markup {
  const { code, text, by, reason, at } = message;
  return html`<tr>${told(message)}<td class="text"><code>${code}</code><br>${text}</td><td class="text">by ${by}, ${moment(at)}: ${reason}</td></tr>
`;
}

/** What goes behind messages. */
export function messagesFoot(): Markup {
  return html`</tbody></table></div>
`;
}

const countNames = ['listed', 'known', 'appended', 'duplicate', 'refused', 'failed', 'vanished', 'pending'] as const;

function countHeads(): Markup[] {
  return countNames.map((name) => html`<th scope="col" class="n">${name}</th>`);
}

function counts(messages: MessageCounts): Markup[] {
  return countNames.map((name) => html`<td class="n">${number(messages[name])}</td>`);
}

function messageHeads(): Markup {
  return html`<th scope="col">subject</th><th scope="col">date</th><th scope="col" class="n">size</th><th scope="col">UIDL</th>`;
}

function told({ subject, date, size: bytes, uidl, messageId }: ToldMessage): Markup {
  const id = messageId !== '' && html`<br><span class="quiet">${messageId}</span>`;
  return html`<td class="text">${subject || '(no subject known)'}${id}</td><td>${date}</td><td class="n">${bytes > 0 ? size(bytes) : ''}</td><td class="id">${uidl}</td>`;
}
