/** A flame graph as SVG: every box is a function, as wide as its time, on top of the one that called it. */
import type { Frame } from './cpu-profile.ts';
import { type Kind, kinds, kindUnder } from './cpu-shares.ts';

const width = 1200;
const margin = 10;
const row = 16;
const charWidth = 6.3;
/** Boxes below this share are left out, so that the file stays small. */
const leastShare = 0.003;

/** Light and dark fills; the text on them is dark and light. */
const colours: Readonly<Record<Kind, readonly [light: string, dark: string]>> = {
  'transport, pop3': ['#8ecae6', '#1f5f7a'],
  spool: ['#c8b6e2', '#5a4780'],
  'imap, append': ['#a7d99a', '#2f6b34'],
  message: ['#f4e285', '#6f6212'],
  'ledger, index, queues': ['#f4a6a0', '#8a2f2b'],
  start: ['#f7c59f', '#7f4a1c'],
  'garbage collection': ['#d0d0d0', '#565656'],
  rest: ['#e6e6e6', '#3c3c40'],
};

/** A box, and what stands on it. */
interface Box {
  readonly label: string;
  readonly kind: Kind;
  self: number;
  total: number;
  readonly children: Map<string, Box>;
}

/** The picture of a profile; `title` stands above it. Readable by itself, in light and in dark. */
export function flameGraph(root: Frame, title: string): string {
  const all = emptyBox('all', 'rest');
  pour(root, 'rest', all);
  addUp(all);
  const drawn: string[] = [];
  const depth = draw(all, { x: margin, level: 0, scale: (width - 2 * margin) / all.total, all: all.total }, drawn);
  const head = 64;
  const height = head + (depth + 1) * row + margin;
  // The lowest box is the whole; rows were counted from it.
  const boxes = `<g transform="translate(0 ${height - margin - row})">${drawn.join('\n')}</g>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="10.5" role="img" aria-label="${escaped(title)}">
<style>${style()}</style>
<rect class="paper" width="${width}" height="${height}"/>
<text class="ink title" x="${margin}" y="24">${escaped(title)}</text>
${legend()}
${boxes}
</svg>
`;
}

/** Adds a function to its box, and what it calls to those above. What calls its own like is one box with it. */
function pour(frame: Frame, kind: Kind, box: Box): void {
  box.self += frame.self;
  for (const child of frame.children) {
    const under = kindUnder(child, kind);
    const label = labelOf(child, under);
    const isSame = label === box.label && under === box.kind;
    const key = `${label}\0${under}`;
    const known = box.children.get(key) ?? emptyBox(label, under);
    if (!isSame) box.children.set(key, known);
    pour(child, under, isSame ? box : known);
  }
}

function emptyBox(label: string, kind: Kind): Box {
  return { label, kind, self: 0, total: 0, children: new Map() };
}

function addUp(box: Box): number {
  box.total = box.self;
  for (const child of box.children.values()) box.total += addUp(child);
  return box.total;
}

/** While parts are loaded the stack is one loader on the other; it is one box. */
function labelOf({ name, place }: Frame, kind: Kind): string {
  if (kind === 'start' && /^(?:dist\/|node:internal\/)/.test(place)) return 'loading the program';
  return place === '' ? name : `${name} · ${place}`;
}

interface Place {
  readonly x: number;
  readonly level: number;
  readonly scale: number;
  readonly all: number;
}

/** Draws a box and what is on it; gives the highest level. */
function draw(box: Box, { x, level, scale, all }: Place, drawn: string[]): number {
  const wide = box.total * scale;
  const percent = ((box.total / all) * 100).toFixed(1);
  const fits = Math.floor((wide - 6) / charWidth);
  const text = box.label.length <= fits ? box.label : fits >= 4 ? `${box.label.slice(0, fits - 1)}…` : '';
  const y = -level * row;
  const place = `x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.5, wide - 0.5).toFixed(1)}" height="${row - 1}"`;
  const said = text && `<text class="ink" x="${(x + 3).toFixed(1)}" y="${y + 11}">${escaped(text)}</text>`;
  const hover = `${box.label}: ${percent} %, ${(box.total / 1000).toFixed(0)} ms`;
  drawn.push(`<g><title>${escaped(hover)}</title><rect class="k${kinds.indexOf(box.kind)}" ${place}/>${said}</g>`);
  let highest = level;
  let at = x;
  const children = [...box.children.values()].sort((a, b) => b.total - a.total);
  for (const child of children) {
    if (child.total < all * leastShare) continue;
    highest = Math.max(highest, draw(child, { x: at, level: level + 1, scale, all }, drawn));
    at += child.total * scale;
  }
  return highest;
}

function legend(): string {
  let x = margin;
  const entries = kinds.map((kind, index) => {
    const entry = `<rect class="k${index}" x="${x}" y="36" width="12" height="12"/><text class="ink" x="${x + 16}" y="46">${kind}</text>`;
    x += 34 + kind.length * charWidth;
    return entry;
  });
  return entries.join('\n');
}

function style(): string {
  const fills = (theme: 0 | 1) => kinds.map((kind, index) => `.k${index}{fill:${colours[kind][theme]}}`).join('');
  const light = `.paper{fill:#fff}.ink{fill:#1b1b1b}.title{font-size:14px}${fills(0)}`;
  return `${light}@media (prefers-color-scheme:dark){.paper{fill:#16181c}.ink{fill:#f2f2f2}${fills(1)}}`;
}

function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (sign) => names[sign]!);
}
