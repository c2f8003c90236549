/** What was appended over time, as columns. Pure. */
import { moment, number, size } from '../text.ts';
import { html, type Markup } from './markup.ts';

/** What was appended in one step of time. */
export interface Moved {
  /** When the step began, ISO 8601. */
  readonly at: string;
  readonly messages: number;
  readonly bytes: number;
}

const columnsMost = 96;
const height = 100;

/** The chart; undefined where nothing was appended, or in one step alone. `stepMs` is how long a step is. */
export function throughputChart(samples: readonly Moved[], stepMs: number): Markup | undefined {
  const some = samples.filter(({ messages }) => messages > 0);
  const [first, last] = [some[0], some.at(-1)];
  if (!first || !last || first === last) return undefined;
  const from = Date.parse(first.at);
  const steps = Math.round((Date.parse(last.at) - from) / stepMs) + 1;
  const each = Math.ceil(steps / columnsMost);
  const columns = new Array<number>(Math.ceil(steps / each)).fill(0);
  for (const { at, messages } of some) columns[Math.floor((Date.parse(at) - from) / stepMs / each)]! += messages;
  const highest = Math.max(...columns);
  const total = (name: 'messages' | 'bytes') => some.reduce((sum, one) => sum + one[name], 0);
  const minutes = Math.round((each * stepMs) / 60_000);
  const until = moment(new Date(Date.parse(last.at) + stepMs).toISOString());
  return html`<figure><figcaption>Messages appended over time: ${number(total('messages'))}, ${size(total('bytes'))}; at most ${number(highest)} in ${number(minutes)} minute(s)</figcaption>
<svg class="columns-chart" viewBox="0 0 ${columns.length} ${height}" preserveAspectRatio="none" aria-hidden="true" focusable="false">${columns.map((count, i) => column(count, i, highest))}</svg>
<p class="quiet ends"><span>${moment(first.at)}</span><span>${until}</span></p></figure>
`;
}

function column(count: number, place: number, highest: number): Markup | false {
  if (count === 0) return false;
  const tall = Math.max(1, (height * count) / highest);
  return html`<rect class="good" x="${(place + 0.08).toFixed(2)}" y="${(height - tall).toFixed(2)}" width="0.84" height="${tall.toFixed(2)}"/>`;
}
