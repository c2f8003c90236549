/** A notification in words: the subject, the plain text and the HTML of an e-mail. Pure. */
import type { EndedStates } from './events.ts';
import { type Notification, remedyOf } from './message.ts';

/** What a person reads. */
export interface EmailText {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** A heading, what stands under it, and lines of which each is about one account, group or host. */
interface Section {
  readonly title: string;
  readonly lines: readonly string[];
  readonly items: readonly string[];
}

/** Counts and codes only are in the subject: what accounts are called stands in the text. */
export function emailText(notification: Notification): EmailText {
  const { data, type, timestamp } = notification;
  const sections = sectionsOf(notification);
  const test = 'This is a test: the notifications of Mailhaul arrive here.';
  const lead = type === 'mailhaul.test' ? [test] : [];
  if (data.notTold > 0)
    lead.push(`${said(data.notTold, 'event', 'not told')}: what could not be delivered in time, or was lost.`);
  const where = data.dashboard === null ? 'mailhaul status shows how all accounts stand.' : `See ${data.dashboard}`;
  const end = `Sent by Mailhaul at ${timestamp} to its target ${data.target}. ${where}`;
  return {
    subject: subjectOf(notification),
    text: plain(lead, sections, end),
    html: html(lead, sections, end),
  };
}

/** `1 account finished`, `2 accounts finished`. */
function said(count: number, noun: string, does: string, doMany = does): string {
  return count === 1 ? `1 ${noun} ${does}` : `${count} ${noun}s ${doMany}`;
}

function subjectOf({ data, type }: Notification): string {
  if (type === 'mailhaul.test') return 'Mailhaul: test of notifications';
  const parts = [
    said(data['account-needs-person'].count, 'account', 'needs a person', 'need a person'),
    said(data['run-finished'].count, 'run', 'finished'),
    said(data['account-finished'].count, 'account', 'finished'),
    said(data['budget-pause'].count, 'budget', 'used up'),
    said(data.notTold, 'event', 'not told'),
  ];
  return `Mailhaul: ${parts.filter((part) => !part.startsWith('0 ')).join(', ')}`;
}

function sectionsOf({ data }: Notification): Section[] {
  const needy = data['account-needs-person'];
  const finished = data['account-finished'];
  const runs = data['run-finished'];
  const pauses = data['budget-pause'];
  const all: (Section & { count: number })[] = [
    {
      count: needy.count,
      title: said(needy.count, 'account', 'needs a person', 'need a person'),
      lines: Object.entries(needy.codes).map(([code, count]) => `${count} × ${code}: ${remedyOf(code)}`),
      items: withRest(
        needy.first.map(({ account, group, code }) => `${account} (${group}): ${code}`),
        needy.count,
      ),
    },
    {
      count: runs.count,
      title: said(runs.count, 'run', 'finished'),
      lines: [],
      items: withRest(
        runs.first.map(
          ({ group, accounts }) => `${group === null ? 'all' : `group ${group}`}: ${statesText(accounts)}`,
        ),
        runs.count,
      ),
    },
    {
      count: pauses.count,
      title: said(pauses.count, 'budget', 'used up'),
      lines: [],
      items: withRest(
        pauses.first.map(({ host, side, group, until }) => `${host} as ${side} (${group}): goes on at ${until}`),
        pauses.count,
      ),
    },
    {
      count: finished.count,
      title: said(finished.count, 'account', 'finished'),
      lines: [statesText(finished.states), countsText(finished.messages)],
      items: withRest(
        finished.first.map(
          ({ account, group, state, messages }) => `${account} (${group}): ${state}, ${countsText(messages)}`,
        ),
        finished.count,
      ),
    },
  ];
  return all.filter(({ count }) => count > 0);
}

function statesText(states: EndedStates): string {
  return Object.entries(states)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ');
}

function countsText(messages: object): string {
  const counts = Object.entries(messages).filter(([name, count]) => name === 'listed' || count > 0);
  return counts.map(([name, count]) => `${count} ${name}`).join(', ');
}

function withRest(items: readonly string[], count: number): string[] {
  const rest = count - items.length;
  return rest > 0 ? [...items, `and ${rest} more`] : [...items];
}

function plain(lead: readonly string[], sections: readonly Section[], end: string): string {
  const parts = sections.map(({ title, lines, items }) =>
    [title, ...lines, ...items.map((item) => `- ${item}`)].join('\n'),
  );
  return `${[...lead, ...parts, end].join('\n\n')}\n`;
}

function html(lead: readonly string[], sections: readonly Section[], end: string): string {
  const paragraph = (text: string) => `<p>${escaped(text)}</p>`;
  const parts = sections.map(({ title, lines, items }) =>
    [
      `<h2>${escaped(title)}</h2>`,
      ...lines.map(paragraph),
      `<ul>${items.map((item) => `<li>${escaped(item)}</li>`).join('\n')}</ul>`,
    ].join('\n'),
  );
  const body = [...lead.map(paragraph), ...parts, paragraph(end)].join('\n');
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Mailhaul</title></head><body>\n${body}\n</body></html>\n`;
}

const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => marks[mark]!);
}
