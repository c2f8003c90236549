/** What somebody should look at first, where there is anything. */

import type { Overview } from '../../operations/answers/overview.ts';
import { serviceNow } from './clock.ts';
import { visible } from './foreign-text.ts';
import { instant, plural } from './format.ts';
import { Icon } from './icons.tsx';
import { listHref } from './route.ts';
import { useMaySteer } from './session.ts';
import { askToSteer } from './steering.tsx';

/** The list; nothing when all is well. */
export function Attention({ overview: { needPerson, ready, pauses } }: { overview: Overview }) {
  if (needPerson === 0 && ready && pauses.length === 0) return null;
  return (
    <section class="attention" aria-label="Needs attention">
      {!ready && (
        <p class="attention-item attention-bad">
          <Icon name="failed" />
          <span>A part of the service is missing: Redis, the scheduler or a worker. Look at the processes below.</span>
        </p>
      )}
      {needPerson > 0 && (
        <a class="attention-item attention-bad" href={listHref({ needsPerson: true })}>
          <Icon name="person" />
          <span>
            <strong>{plural(needPerson, 'account')}</strong> {needPerson === 1 ? 'needs' : 'need'} a person
          </span>
        </a>
      )}
      {pauses.map((pause) => (
        <PauseItem key={pause.scope} pause={pause} />
      ))}
    </section>
  );
}

function PauseItem({ pause: { scope, by, reason, at } }: { pause: Overview['pauses'][number] }) {
  const steer = useMaySteer();
  const group = /^group (.*)$/s.exec(scope)?.[1];
  const what = group === undefined ? 'Everything' : `Group ${visible(group)}`;
  const lift = () =>
    askToSteer({
      deed: 'resume',
      selection: group === undefined ? { all: true } : { group },
      what: group === undefined ? 'all accounts' : `group ${group}`,
    });
  return (
    <div class="attention-item attention-pause">
      <Icon name="paused" />
      <span>
        <strong>{what}</strong> is paused
        {reason !== '' && <>: {visible(reason)}</>}
        <span class="muted">
          {' '}
          by {visible(by)}, {instant(Date.parse(at), serviceNow())}
        </span>
      </span>
      {steer && (
        <button type="button" onClick={lift}>
          Resume
        </button>
      )}
    </div>
  );
}
