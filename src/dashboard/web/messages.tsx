/** How messages stand: every message that was listed is in exactly one line of the sum. */
import type { Overview } from '../../operations/answers/overview.ts';
import { Bar } from './bar.tsx';
import { number, percent } from './format.ts';

/** Counts of messages. */
export type Messages = Overview['messages'];

const lines = [
  { name: 'appended', meaning: 'in these runs', look: 'look-complete' },
  { name: 'known', meaning: 'in earlier runs', look: 'look-known' },
  { name: 'duplicate', meaning: 'were there already', look: 'look-duplicate' },
  { name: 'vanished', meaning: 'gone at the source', look: 'look-queued' },
  { name: 'pending', meaning: 'not reached yet', look: 'look-rest' },
  { name: 'refused', meaning: 'by the destination', look: 'look-incomplete' },
  { name: 'failed', meaning: 'not to be had', look: 'look-failed' },
] as const;

/** Messages whose end is known and good, as the list counts them. */
export function settledOf({ known, appended, duplicate, vanished }: Messages): number {
  return known + appended + duplicate + vanished;
}

/** A bar of how far the messages are. */
export function MessageBar({ messages }: { messages: Messages }) {
  const parts = lines
    .filter(({ name }) => name !== 'pending')
    .map(({ name, look }) => ({ name: `${name} ${number(messages[name])}`, value: messages[name], look }));
  const label = `${percent(settledOf(messages), messages.listed)} of ${number(messages.listed)} messages settled`;
  return <Bar parts={parts} whole={messages.listed} label={label} />;
}

/** The sum, line by line. */
export function MessageSum({ messages }: { messages: Messages }) {
  const sum = lines.reduce((total, { name }) => total + messages[name], 0);
  return (
    <table class="sum">
      <caption class="unseen">Messages by how they stand</caption>
      <tbody>
        {lines.map(({ name, meaning, look }) => (
          <tr key={name} class={messages[name] === 0 ? 'zero' : undefined}>
            <th scope="row">
              <span class={`dot ${look}`} />
              {name}
              <span class="muted hint">{meaning}</span>
            </th>
            <td class="figure">{number(messages[name])}</td>
            <td class="figure muted share">{percent(messages[name], messages.listed)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">
            listed
            <span class={sum === messages.listed ? 'hint good' : 'hint bad'}>
              {sum === messages.listed ? '✓ the sum agrees' : `✗ the sum is ${number(sum)}: please report this`}
            </span>
          </th>
          <td class="figure">{number(messages.listed)}</td>
          <td class="share" />
        </tr>
      </tfoot>
    </table>
  );
}
