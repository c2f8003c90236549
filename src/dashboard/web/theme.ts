/** Light, dark, or as the system has it; remembered in this browser. */
import { Cell } from './cell.ts';

/** What can be chosen. */
export const themes = ['system', 'light', 'dark'] as const;

/** What was chosen. */
export type Theme = (typeof themes)[number];

const place = 'mailhaul-theme';

/** The theme that is shown. */
export const theme = new Cell<Theme>('system');

/** Takes up what was chosen before. */
export function restoreTheme(): void {
  chooseTheme(themes.find((one) => one === stored()) ?? 'system');
}

/** Shows a theme and remembers it. */
export function chooseTheme(chosen: Theme): void {
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
  try {
    localStorage.setItem(place, chosen);
  } catch {
    // A browser that keeps nothing shows it until the page is closed.
  }
  theme.value = chosen;
}

function stored(): string | null {
  try {
    return localStorage.getItem(place);
  } catch {
    return null;
  }
}
