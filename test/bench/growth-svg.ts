/** The picture of growth: time and memory over size, both axes logarithmic, so that linear growth is a straight diagonal. */
import type { GrowthFigures } from './growth.ts';
import { type Area, areaOf, type Line, type Panel, panelsOf } from './growth-panels.ts';
import type { ScaleFigures } from './scale.ts';
import { round, rule, svgOf, text } from './svg-parts.ts';

const panelWidth = 340;
const panelHeight = 250;
const margin = { top: 64, left: 8, bottom: 30 };
/** What a panel leaves free around its area: for its title, its ticks and the names of its lines. */
const inset = { left: 64, right: 88, top: 34, bottom: 44 };
const nameHeight = 13;

const style = `
  svg { --own: #0a58ca; --other: #9a4a00; --redis: #b3261e; --service: #1a7f37; }
  @media (prefers-color-scheme: dark) {
    svg { --own: #79b8ff; --other: #e3a355; --redis: #ff9492; --service: #6fdd8b; }
  }
  .linear { stroke: var(--faint); stroke-dasharray: 1 4; stroke-linecap: round; stroke-width: 1.5; }
  ${['own', 'other', 'redis', 'service']
    .map(
      (name) =>
        `.${name} { stroke: var(--${name}); } .dot.${name}, text.${name} { fill: var(--${name}); stroke: none; }`,
    )
    .join('\n  ')}
  polyline { fill: none; stroke-width: 2; }
  polyline.other { stroke-dasharray: 6 4; }
`;

/** The picture; with the figures of `--scale` the service stands beside `mailhaul sync`. */
export function growthSvg(growth: GrowthFigures, scale: readonly ScaleFigures[]): string {
  const rows = panelsOf(growth, scale);
  const width = margin.left * 2 + panelWidth * Math.max(...rows.map((row) => row.length));
  const height = margin.top + panelHeight * rows.length + margin.bottom;
  const panels = rows.flatMap((row, down) =>
    row.map((panel, across) => panelOf(panel, margin.left + across * panelWidth, margin.top + down * panelHeight)),
  );
  const note = 'Both axes are logarithmic. Dotted: what grows tenfold with a tenfold size.';
  const name = 'How time and memory grow';
  const heads = [text(margin.left + 12, 28, name, 'head'), text(margin.left + 12, 48, note, 'faint')];
  const told = rows.flat().map(words).join(' ');
  return svgOf({ width, height, name, words: told, style, parts: [...heads, ...panels] });
}

/** What a panel shows, for who does not see it. */
function words({ title, unit, of, lines }: Panel): string {
  const told = lines.map(({ name, points }) => {
    const values = points.map(([size, value]) => `${short(value)} ${unit} at ${short(size)}`);
    return `${name}: ${values.join(', ')}`;
  });
  return `${title}, by ${of}. ${told.join('; ')}.`;
}

function panelOf(panel: Panel, left: number, top: number): string {
  const area = areaOf(panel, {
    left: inset.left,
    right: panelWidth - inset.right,
    top: inset.top,
    bottom: panelHeight - inset.bottom,
  });
  const { left: x0, right: x1, top: y0, bottom: y1 } = area;
  const parts = [
    text(x0, 16, panel.title, 'title'),
    ...area.yTicks.flatMap((value) => {
      const y = area.y(value);
      return [rule(x0, y, x1, y), text(x0 - 6, y + 4, `${short(value)} ${panel.unit}`, 'faint', 'end')];
    }),
    ...area.xTicks.flatMap((value) => {
      const x = area.x(value);
      return [rule(x, y0, x, y1), text(x, y1 + 16, short(value), 'faint', 'middle')];
    }),
    text((x0 + x1) / 2, y1 + 32, panel.of, 'faint', 'middle'),
    ...panel.lines.slice(0, 1).map((line) => linear(line, area)),
    ...panel.lines.map((line) => drawn(line, area)),
    ...names(panel.lines, area),
  ];
  return `<g transform="translate(${left} ${top})">\n${parts.filter(Boolean).join('\n')}\n</g>`;
}

/** The diagonal from the first point on, as far as the area goes. */
function linear({ points }: Line, area: Area): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return '';
  const most = area.yTicks.at(-1)! / first[1];
  const times = Math.min(last[0] / first[0], most);
  const ends = [area.x(first[0]), area.y(first[1]), area.x(first[0] * times), area.y(first[1] * times)].map(round);
  return `<line class="linear" x1="${ends[0]}" y1="${ends[1]}" x2="${ends[2]}" y2="${ends[3]}"/>`;
}

function drawn({ kind, points }: Line, area: Area): string {
  const places = points.map(([size, value]) => [round(area.x(size)), round(area.y(value))] as const);
  const dots = places.map(([x, y]) => `<circle class="dot ${kind}" cx="${x}" cy="${y}" r="3.5"/>`);
  return [`<polyline class="${kind}" points="${places.map((place) => place.join(',')).join(' ')}"/>`, ...dots].join(
    '\n',
  );
}

/** The name of each line behind its last point, moved down where another stands there. */
function names(lines: readonly Line[], area: Area): string[] {
  const ends = lines.flatMap(({ name, kind, points }) => {
    const last = points.at(-1);
    return last ? [{ name, kind, value: last[1], y: area.y(last[1]) + 4 }] : [];
  });
  let above = Number.NEGATIVE_INFINITY;
  return ends
    .sort((one, other) => one.y - other.y)
    .map(({ name, kind, y }) => {
      above = Math.max(y, above + nameHeight);
      return text(area.right + 8, above, name, kind);
    });
}

/** 200,000 as 200k; three digits of what is small. */
function short(value: number): string {
  if (value >= 1e6) return `${round(value / 1e6)}M`;
  if (value >= 10_000) return `${round(value / 1000)}k`;
  return Number(value.toPrecision(3)).toLocaleString('en');
}
