/** What keeps an account from going on, with what to do about it: the first thing on its page. */

import type { AccountDetail } from '../../operations/answers/account-status.ts';
import { serviceNow } from './clock.ts';
import { visible } from './foreign-text.ts';
import { instant, number, relative } from './format.ts';
import { Icon } from './icons.tsx';
import { looseError } from './met-last.ts';

/** The list; nothing when nothing is in the way. */
export function AccountTrouble({ account }: { account: AccountDetail }) {
  const { problems, waiting, paused } = account;
  const now = serviceNow();
  const loose = looseError(account);
  if (problems.length === 0 && waiting.length === 0 && paused === null && loose === '') return null;
  return (
    <section class="trouble" aria-labelledby="trouble">
      <h2 id="trouble">What is in the way</h2>
      <ul>
        {paused && (
          <li class="trouble-item trouble-pause">
            <Icon name="paused" />
            <div>
              <p>
                <strong>{pausedWords(paused.scope)}</strong>
                {paused.reason !== '' && <>: {visible(paused.reason)}</>}
              </p>
              <p class="muted">
                By {visible(paused.by)}, {instant(Date.parse(paused.at), now)}.
                {paused.scope !== 'account' && <> It is lifted on the overview.</>}
              </p>
            </div>
          </li>
        )}
        {problems.map(({ code, stops, count, text, remedy }) => (
          <li key={code} class={stops === 'none' ? 'trouble-item' : 'trouble-item trouble-bad'}>
            <Icon name={stops === 'none' ? 'incomplete' : 'failed'} />
            <div>
              <p>
                <strong>{visible(text)}</strong>
              </p>
              <p>{visible(remedy)}</p>
              <p class="muted">
                <code>{code}</code> · {stopsWords(stops)} · {number(count)} {count === 1 ? 'time' : 'times'}
              </p>
            </div>
          </li>
        ))}
        {loose !== '' && (
          <li class="trouble-item trouble-bad">
            <Icon name="failed" />
            <p>{visible(loose)}</p>
          </li>
        )}
        {waiting.map(({ side, until, because }) => (
          <li key={side} class="trouble-item trouble-wait">
            <Icon name="waiting" />
            <p>
              <strong>Waits until {instant(Date.parse(until), now)}</strong> ({relative(Date.parse(until), now)}) for
              the {visible(side)}: {visible(because)}. It goes on by itself.
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function pausedWords(scope: string): string {
  if (scope === 'all') return 'Everything is paused';
  return scope === 'account' ? 'This account is paused' : `Its ${visible(scope)} is paused`;
}

function stopsWords(stops: string): string {
  const words: Readonly<Record<string, string>> = {
    none: 'stops nothing',
    message: 'stops these messages',
    account: 'stops this account',
    host: 'stops all accounts of the host',
    run: 'stops the run',
  };
  return words[stops] ?? visible(stops);
}
