/** Charts: a table whose bars are drawn with SVG, so that whoever does not see them has the numbers. Pure. */
import type { FullReport, GroupReport, StateCounts } from '../full-report.ts';
import type { ByteCounts, MessageCounts } from '../report.ts';
import { number, size } from '../text.ts';
import { html, type Markup, type Part } from './markup.ts';

/** What a bar stands for: arrived, there already, waiting, did not arrive, neither. */
export type Colour = 'good' | 'same' | 'warn' | 'bad' | 'none';

interface Bar {
  readonly name: string;
  readonly value: string;
  readonly parts: readonly { readonly amount: number; readonly colour: Colour }[];
}

/** The colour and the order of states. */
export const stateColours: Readonly<Record<keyof Required<StateCounts>, Colour>> = {
  complete: 'good',
  running: 'same',
  waiting: 'warn',
  paused: 'warn',
  queued: 'none',
  incomplete: 'bad',
  failed: 'bad',
};

const outcomes: readonly (readonly [keyof MessageCounts, Colour, string])[] = [
  ['known', 'same', 'known from before'],
  ['appended', 'good', 'appended'],
  ['duplicate', 'same', 'there already'],
  ['refused', 'bad', 'refused'],
  ['failed', 'bad', 'failed'],
  ['vanished', 'none', 'vanished at the source'],
  ['pending', 'warn', 'pending'],
];

const groupsShown = 20;
const nameMaxChars = 24;
/** So wide is at least what is not nothing, in hundredths: three of a million should be seen. */
const leastWidth = 0.7;

/** All charts of the report. */
export function charts({ report, groups, states }: FullReport): Markup {
  const { messages, bytes } = report.totals;
  return html`<div class="columns">
${chart('Accounts by state', stateBars(states))}
${chart('Messages by outcome', outcomeBars(messages))}
${chart('Bytes', byteBars(bytes))}
${groups.length > 1 && chart('Messages by group: arrived, pending, did not arrive', groupBars(groups))}
</div>
`;
}

function stateBars(states: StateCounts): Bar[] {
  return Object.entries(stateColours).flatMap(([state, colour]) => {
    const amount = states[state as keyof StateCounts] ?? 0;
    return amount === 0 ? [] : [{ name: state, value: number(amount), parts: [{ amount, colour }] }];
  });
}

function outcomeBars(messages: MessageCounts): Bar[] {
  return outcomes.map(([name, colour, words]) => {
    const amount = messages[name];
    return { name: words, value: number(amount), parts: [{ amount, colour }] };
  });
}

function byteBars({ listed, downloaded, appended }: ByteCounts): Bar[] {
  const bar = (name: string, amount: number, colour: Colour) => ({
    name,
    value: size(amount),
    parts: [{ amount, colour }],
  });
  return [
    bar('listed at the source', listed, 'none'),
    bar('downloaded', downloaded, 'same'),
    bar('appended', appended, 'good'),
  ];
}

/** The largest groups, and the others together. */
function groupBars(groups: readonly GroupReport[]): Bar[] {
  const bySize = [...groups].sort((a, b) => b.messages.listed - a.messages.listed);
  const bars = bySize
    .slice(0, groupsShown)
    .map(({ group, messages }) => groupBar(shortened(group) || '(no group)', [messages]));
  const rest = bySize.slice(groupsShown);
  if (rest.length === 0) return bars;
  const others = groupBar(
    `${number(rest.length)} others`,
    rest.map(({ messages }) => messages),
  );
  return [...bars, others];
}

function shortened(name: string): string {
  return name.length > nameMaxChars ? `${name.slice(0, nameMaxChars - 1)}…` : name;
}

function groupBar(name: string, groups: readonly MessageCounts[]): Bar {
  const total = (...names: (keyof MessageCounts)[]) =>
    groups.reduce((all, messages) => all + names.reduce((sum, one) => sum + messages[one], 0), 0);
  return {
    name,
    value: number(total('listed')),
    parts: [
      { amount: total('known', 'appended', 'duplicate', 'vanished'), colour: 'good' },
      { amount: total('pending'), colour: 'warn' },
      { amount: total('refused', 'failed'), colour: 'bad' },
    ],
  };
}

/** The longest bar has the whole width. */
function chart(caption: string, bars: readonly Bar[]): Markup {
  const length = ({ parts }: Bar) => parts.reduce((sum, { amount }) => sum + amount, 0);
  const longest = Math.max(1, ...bars.map(length));
  const rows: Part[] = bars.map(
    (bar) =>
      html`<tr><th scope="row">${bar.name}</th><td class="bar">${drawn(bar, longest)}</td><td class="n">${bar.value}</td></tr>
`,
  );
  return html`<table class="bars"><caption>${caption}</caption>
<tbody>
${rows}</tbody></table>`;
}

function drawn({ parts }: Bar, longest: number): Markup {
  let x = 0;
  const rects = parts.flatMap(({ amount, colour }) => {
    if (amount === 0) return [];
    const width = Math.max(leastWidth, (100 * amount) / longest);
    const rect = html`<rect class="${colour}" x="${x.toFixed(2)}" width="${width.toFixed(2)}" height="10"/>`;
    x += width;
    return [rect];
  });
  return html`<svg viewBox="0 0 102 10" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="track" y="4.5" width="100" height="1"/>${rects}</svg>`;
}
