/** Bars that show parts of a whole. */

/** One part: how much, in which colour (a class), and what it is in words. */
export interface Part {
  readonly name: string;
  readonly value: number;
  readonly look: string;
}

/** Parts side by side; a part that is there can be seen, however small. The words are for who does not see it. */
export function Bar({ parts, whole, label }: { parts: readonly Part[]; whole: number; label: string }) {
  return (
    <div class="bar" role="img" aria-label={label}>
      {parts
        .filter(({ value }) => value > 0)
        .map(({ name, value, look }) => (
          <span key={name} class={look} style={{ flexGrow: value / Math.max(1, whole) }} title={name} />
        ))}
      <span style={{ flexGrow: rest(parts, whole) }} class="bar-rest" />
    </div>
  );
}

function rest(parts: readonly Part[], whole: number): number {
  const sum = parts.reduce((total, { value }) => total + value, 0);
  return Math.max(0, (whole - sum) / Math.max(1, whole));
}
