/** Small drawings. They repeat what stands beside them in words, so they are hidden from screen readers. */

/** What there is a drawing of. */
export type IconName =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'complete'
  | 'incomplete'
  | 'failed'
  | 'person'
  | 'up'
  | 'down'
  | 'menu'
  | 'out';

/** Lines in a square of 16. */
const lines: Readonly<Record<IconName, string>> = {
  queued: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11',
  running: 'M5 3l8 5l-8 5z',
  waiting: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.2l2.2 1.6',
  paused: 'M5.5 3.5v9M10.5 3.5v9',
  complete: 'M3 8.5l3.5 3.5l6.5-7.5',
  incomplete: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.6M8 10.6v.4',
  failed: 'M4 4l8 8M12 4l-8 8',
  person: 'M8 2.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5M3 13.5c.6-3 2.6-4.2 5-4.2s4.400 1.200 5 4.200',
  up: 'M4 10l4-4l4 4',
  down: 'M4 6l4 4l4-4',
  menu: 'M2.500 4.500h11M2.500 8h11M2.500 11.500h11',
  out: 'M6 3.500h6.500v6.500M12.500 3.500l-8 8',
};

/** A drawing in the colour of the text. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={lines[name]} />
    </svg>
  );
}
