/** HTML that is made of text: whatever is put in is shown as it is, and does nothing. */
import { visible } from '../visible.ts';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A piece of HTML that is safe to stand in a page. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What can be put into a piece: markup as it is, lists one after the other, all else as text; false is nothing. */
export type Part = Markup | string | number | false | readonly Part[];

/** The tag of templates: `` html`<p>${text}</p>` ``. Attributes stand in double quotes. */
export function html(pieces: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(pieces.map((piece, i) => (i === 0 ? piece : `${rendered(parts[i - 1]!)}${piece}`)).join(''));
}

/** Text as HTML shows it: characters of the markup and characters without a form become visible ones. */
export function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (one) => entities[one]!);
}

function rendered(part: Part): string {
  if (part === false) return '';
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(rendered).join('');
  return escaped(String(part));
}
