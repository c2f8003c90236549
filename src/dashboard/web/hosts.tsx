/** The hosts that mail comes from and goes to: what they allow, and who waits for them. */

import { useState } from 'preact/hooks';
import type { HostStatus } from '../../operations/answers/overview.ts';
import { serviceNow } from './clock.ts';
import { visible } from './foreign-text.ts';
import { bytes, instant, number, plural } from './format.ts';
import { FaultBox } from './notices.tsx';
import { listHref } from './route.ts';
import { useAnswer } from './use-answer.ts';

const askEveryMs = 10_000;
const mostBusy = 5;
/** Of very many hosts, those that are busiest come first. */
const atFirst = 60;

interface Hosts {
  readonly hosts: readonly HostStatus[];
}

/** The page of all hosts. */
export function HostsPage() {
  const { value, fault, reload } = useAnswer<Hosts>('api/hosts', askEveryMs);
  const [shown, setShown] = useState(atFirst);
  const more = (value?.hosts.length ?? 0) - shown;
  return (
    <>
      <h1>Hosts</h1>
      {fault && !value && <FaultBox fault={fault} retry={reload} />}
      {!value && !fault && <p class="loading">Loading …</p>}
      {value?.hosts.length === 0 && <p class="empty">No account names a host yet.</p>}
      <div class="cards hosts">
        {value?.hosts.slice(0, shown).map((host) => (
          <HostCard key={host.host} host={host} />
        ))}
      </div>
      {more > 0 && (
        <button type="button" onClick={() => setShown(shown + atFirst)}>
          Show {number(Math.min(more, atFirst))} more of {plural(more, 'host')}
        </button>
      )}
    </>
  );
}

/** The first few, for the overview. */
export function BusiestHosts() {
  const { value, fault, reload } = useAnswer<Hosts>('api/hosts', askEveryMs);
  return (
    <section class="card" aria-labelledby="hosts">
      <div class="card-head">
        <h2 id="hosts">Hosts</h2>
        {value && <a href="#/hosts">{number(value.hosts.length)} in all</a>}
      </div>
      {value?.hosts.length !== 0 && <p class="muted host-head">Connections, and the most that are allowed now</p>}
      {fault && !value && <FaultBox fault={fault} retry={reload} />}
      <ul class="host-list">
        {value?.hosts.slice(0, mostBusy).map((host) => (
          <li key={host.host}>
            <span class="host-name">{visible(host.host)}</span>
            <span class="figure muted">
              <span class="unseen">connections: </span>
              {connections(host)}
            </span>
            <HostNote host={host} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function connections({ connections: now, allowed, limit }: HostStatus): string {
  if (allowed === 0) return `${number(now)}, no limit`;
  const spared = limit > 0 && allowed < limit ? `, spared from ${number(limit)}` : '';
  return `${number(now)} of ${number(allowed)}${spared}`;
}

/** Whom it keeps waiting and why. */
function HostNote({ host: { waiting, waits, nextAt, waitingUntil, because } }: { host: HostStatus }) {
  const now = serviceNow();
  const at = (time: string) => instant(Date.parse(time), now);
  const notes = [
    ...(waitingUntil === null ? [] : [`spared, one connection more at ${at(waitingUntil)}`]),
    ...(waiting === 0 ? [] : [`${plural(waiting, 'login')} waiting for a connection`]),
    ...(waits === 0
      ? []
      : [`${plural(waits, 'account')} waiting${nextAt === null ? '' : `, the first until ${at(nextAt)}`}`]),
    ...(because === '' ? [] : [visible(because)]),
  ];
  return notes.length === 0 ? null : <span class="host-note">{notes.join(' · ')}</span>;
}

function HostCard({ host }: { host: HostStatus }) {
  const { budget, failures } = host;
  return (
    <section class="card" aria-label={visible(host.host)}>
      <div class="card-head">
        <h2 class="host-name">{visible(host.host)}</h2>
        <a href={listHref({ host: host.host })} aria-label={`Accounts of ${visible(host.host)}`}>
          Accounts
        </a>
      </div>
      <HostNote host={host} />
      <dl class="pairs">
        <Pair name="Connections" value={connections(host)} />
        {host.sources > 0 && <Pair name="Source of" value={plural(host.sources, 'account')} />}
        {host.destinations > 0 && <Pair name="Destination of" value={plural(host.destinations, 'account')} />}
        <Pair name="Downloaded" value={bytes(host.downloadedBytes)} />
        <Pair name="Uploaded" value={`${bytes(host.uploadedBytes)}, ${plural(host.appended, 'message')}`} />
        {Object.entries(budget)
          .filter(([, most]) => most > 0)
          .map(([name, most]) => (
            <Pair
              key={name}
              name={`Budget: ${inWords(name)}`}
              value={/bytes/i.test(name) ? bytes(most) : number(most)}
            />
          ))}
        {Object.entries(failures).map(([code, times]) => (
          <Pair key={code} name={`Sessions ended: ${code}`} value={number(times)} bad />
        ))}
      </dl>
    </section>
  );
}

/** `bytesPerDay` as `bytes per day`. */
function inWords(name: string): string {
  return visible(name).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** A name and a value. */
export function Pair({ name, value, bad = false }: { name: string; value: string; bad?: boolean }) {
  return (
    <div class={bad ? 'pair pair-bad' : 'pair'}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
