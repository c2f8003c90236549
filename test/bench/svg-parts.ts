/** What pictures are put together from. */

/** Both colour schemes: as an image it follows that of the reader. Every colour has 4.5 : 1 against its ground. */
const base = `
  svg { --ground: #ffffff; --text: #1f2328; --faint: #59636e; --rule: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #0d1117; --text: #f0f6fc; --faint: #9da7b3; --rule: #3d444d; }
  }
  text { font: 12px system-ui, sans-serif; fill: var(--text); }
  .head { font-size: 17px; font-weight: 600; }
  .title { font-size: 13px; font-weight: 600; }
  .faint { fill: var(--faint); }
  .ground { fill: var(--ground); }
  .rule { stroke: var(--rule); }
`;

/** A picture and what it says. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly name: string;
  /** For who does not see it. */
  readonly words: string;
  /** Rules beside those that every picture has: `--text`, `--faint`, `.head`, `.title` and their like. */
  readonly style: string;
  readonly parts: readonly string[];
}

/** The whole text of a file. */
export function svgOf({ width, height, name, words, style, parts }: Picture): string {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="name what">`,
    `<title id="name">${escaped(name)}</title>`,
    `<desc id="what">${escaped(words)}</desc>`,
    `<style>${base}${style}</style>`,
    `<rect class="ground" width="${width}" height="${height}" rx="8"/>`,
    ...parts,
    '</svg>',
  ].join('\n')}\n`;
}

/** A line of text; `anchor` says which end of it stands at `x`. */
export function text(x: number, y: number, words: string, kind: string, anchor: 'start' | 'middle' | 'end' = 'start') {
  return `<text x="${round(x)}" y="${round(y)}" class="${kind}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

/** A straight line of the class `rule`. */
export function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="rule" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

/** With one digit after the point. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Text that is nothing but text in an element or an attribute. */
function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
