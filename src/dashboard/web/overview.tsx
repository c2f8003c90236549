/** The whole service at a glance. */
import type { Overview } from '../../operations/answers/overview.ts';
import { Attention } from './attention.tsx';
import { Bar } from './bar.tsx';
import { useCell } from './cell.ts';
import { NoAccounts } from './empty.tsx';
import { bytes, instant, number, percent, plural, rate, span } from './format.ts';
import { BusiestHosts } from './hosts.tsx';
import { live } from './live.ts';
import { MessageBar, MessageSum, settledOf } from './messages.tsx';
import { FaultBox } from './notices.tsx';
import { ReportLinks } from './report-links.tsx';
import { listHref } from './route.ts';
import { StateBadge, states } from './states.tsx';
import { ThroughputSection } from './throughput.tsx';
import { useAnswer } from './use-answer.ts';

/** While the stream does not tell. */
const askEveryMs = 15_000;

/** The first page. */
export function OverviewPage() {
  const link = useCell(live.link);
  const { value, fault, reload } = useAnswer<Overview>('api/overview', link === 'live' ? undefined : askEveryMs);
  const told = useCell(live.overview);
  const overview = newer(told, value);
  return (
    <>
      <div class="list-head">
        <h1>Overview</h1>
        {overview !== undefined && overview.total > 0 && <ReportLinks />}
      </div>
      {overview ? (
        <Shown overview={overview} />
      ) : fault ? (
        <FaultBox fault={fault} retry={reload} />
      ) : (
        <p class="loading">Loading …</p>
      )}
    </>
  );
}

function newer(a: Overview | undefined, b: Overview | undefined): Overview | undefined {
  return a && b ? (a.at >= b.at ? a : b) : (a ?? b);
}

function Shown({ overview }: { overview: Overview }) {
  if (overview.total === 0) {
    return (
      <>
        <Attention overview={overview} />
        <NoAccounts />
        <div class="cards">
          <ProcessesSection overview={overview} />
        </div>
      </>
    );
  }
  return (
    <>
      <Attention overview={overview} />
      <ProgressSection overview={overview} />
      <div class="cards">
        <ThroughputSection />
        <StatesSection overview={overview} />
        <section class="card" aria-labelledby="messages">
          <h2 id="messages">Messages</h2>
          <MessageSum messages={overview.messages} />
        </section>
        <BusiestHosts />
        <ProcessesSection overview={overview} />
      </div>
    </>
  );
}

function ProgressSection({ overview }: { overview: Overview }) {
  const { messages, bytes: octets, openRuns } = overview;
  return (
    <section class="card progress" aria-labelledby="progress">
      <h2 id="progress" class="unseen">
        Progress
      </h2>
      <p class="headline">
        <strong>{percent(settledOf(messages), messages.listed)}</strong> of {plural(messages.listed, 'message')} settled
        <span class="muted"> · {number(messages.pending)} to go</span>
      </p>
      <MessageBar messages={messages} />
      <dl class="figures">
        <Figure
          name="Rate"
          value={`${rate(overview.rate.messages)} messages/s`}
          more={`${bytes(overview.rate.bytes)}/s`}
        />
        <Figure name="Time left" {...timeLeft(overview)} />
        <Figure
          name="Open runs"
          value={number(openRuns)}
          more={openRuns === 0 ? 'nothing is under way' : 'under way or waiting'}
        />
        <Figure name="Appended" value={bytes(octets.appended)} more={`of ${bytes(octets.listed)} listed`} />
        <Figure
          name="Downloaded"
          value={bytes(octets.downloaded)}
          more={`${bytes(overview.spoolBytes)} in the spool`}
        />
      </dl>
    </section>
  );
}

function timeLeft({ etaSeconds, openRuns, at }: Overview): { value: string; more: string } {
  if (openRuns === 0) return { value: 'none', more: 'no run is open' };
  if (etaSeconds === null) return { value: 'unknown', more: 'nothing moves right now' };
  const nowMs = Date.parse(at);
  return {
    value: `about ${span(etaSeconds)}`,
    // Accounts whose runs have not begun, or have listed nothing yet, are not in it.
    more: `for what is listed, until ${instant(nowMs + etaSeconds * 1000, nowMs).replace(/:\d\d$/, '')}`,
  };
}

/** A name, a number, and what else there is to say of it. */
export function Figure({ name, value, more }: { name: string; value: string; more?: string }) {
  return (
    <div class="figure-box">
      <dt>{name}</dt>
      <dd>
        {value}
        {more !== undefined && <span class="muted">{more}</span>}
      </dd>
    </div>
  );
}

function StatesSection({ overview: { accounts, total } }: { overview: Overview }) {
  const parts = states.map((state) => ({
    name: `${state} ${accounts[state]}`,
    value: accounts[state],
    look: `look-${state}`,
  }));
  const known = states.reduce((sum, state) => sum + accounts[state], 0);
  return (
    <section class="card" aria-labelledby="accounts">
      <div class="card-head">
        <h2 id="accounts">Accounts</h2>
        <a href="#/accounts">{number(total)} in all</a>
      </div>
      <Bar parts={parts} whole={known} label={parts.map(({ name }) => name).join(', ')} />
      <ul class="state-list">
        {states.map((state) => (
          <li key={state} class={accounts[state] === 0 ? 'zero' : undefined}>
            <a href={listHref({ state })}>
              <StateBadge state={state} />
              <span class="figure">{number(accounts[state])}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function ProcessesSection({ overview: { processes, ready } }: { overview: Overview }) {
  return (
    <section class="card" aria-labelledby="processes">
      <div class="card-head">
        <h2 id="processes">Processes</h2>
        <span class={ready ? 'good' : 'bad'}>{ready ? '✓ ready' : '✗ not ready'}</span>
      </div>
      <ul class="process-list">
        {processes.map(({ host, pid, roles, spoolBytes }) => (
          <li key={`${host} ${pid}`}>
            <span class="process-name">
              {host} <span class="muted">pid {pid}</span>
            </span>
            <span class="muted">
              {roles.join(', ')}
              {roles.some((role) => role === 'imap' || role === 'pop') && ` · spool ${bytes(spoolBytes)}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
