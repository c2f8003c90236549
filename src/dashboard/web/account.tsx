/** One account: how far it is, what is in its way and what to do about it. */

import { useCallback, useEffect, useRef } from 'preact/hooks';
import type { AccountDetail } from '../../operations/answers/account-status.ts';
import { AccountHistory } from './account-history.tsx';
import { AccountTrouble } from './account-trouble.tsx';
import { serviceNow } from './clock.ts';
import { type Deed, deedWords } from './deeds.ts';
import { visible } from './foreign-text.ts';
import { bytes, fullInstant, instant, number, percent, relative, span } from './format.ts';
import { LookOnlyNote } from './frame.tsx';
import { live } from './live.ts';
import { MessageBar, MessageSum, settledOf } from './messages.tsx';
import { FaultBox } from './notices.tsx';
import { Figure } from './overview.tsx';
import { ReportLinks } from './report-links.tsx';
import { listHref } from './route.ts';
import { useMaySteer } from './session.ts';
import { StateBadge } from './states.tsx';
import { askToSteer } from './steering.tsx';
import { Undelivered } from './undelivered.tsx';
import { useAnswer } from './use-answer.ts';

/** However fast an account changes, it is asked for no more often. */
const askAtMostEveryMs = 2000;
/** What nobody tells, such as a wait that has ended, is seen after this time. */
const askEveryMs = 15_000;

/** The page of one account. */
export function AccountPage({ id }: { id: string }) {
  const path = `api/accounts/${encodeURIComponent(id)}`;
  const { value, fault, reload } = useAnswer<AccountDetail>(path, askEveryMs);
  useReloadWhenChanged(id, reload);
  return (
    <>
      <p class="crumb">
        <a href="#/accounts">Accounts</a>
      </p>
      <div class="account-head">
        <h1>{visible(id)}</h1>
        {value && <StateBadge state={value.state} />}
        {value && <ReportLinks id={id} />}
      </div>
      {fault && <FaultBox fault={fault} retry={reload} />}
      {!value && !fault && <p class="loading">Loading …</p>}
      {value && <Shown key={id} account={value} path={path} reload={reload} />}
    </>
  );
}

function Shown({ account, path, reload }: { account: AccountDetail; path: string; reload: () => void }) {
  const { messages, mailboxes, refused } = { ...account, refused: account.messages.refused };
  return (
    <>
      <Buttons account={account} onDone={reload} />
      <AccountTrouble account={account} />
      <Progress account={account} />
      <div class="cards halves">
        <section class="card" aria-labelledby="messages">
          <h2 id="messages">Messages of the last run</h2>
          <MessageSum messages={messages} />
        </section>
        <section class="card" aria-labelledby="sides">
          <h2 id="sides">From and to</h2>
          <Side name="Source" place={account.source} />
          <Side name="Destination" place={account.destination} />
          <h3>Mailboxes</h3>
          <Mailboxes mailboxes={mailboxes} />
        </section>
        <Undelivered path={path} mark={`${refused} ${messages.failed} ${account.run?.id ?? ''}`} />
        <AccountHistory path={path} account={account} />
      </div>
    </>
  );
}

/** Loads again soon after the stream said that the account has changed. */
function useReloadWhenChanged(id: string, reload: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const soon = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      reload();
    }, askAtMostEveryMs);
  }, [reload]);
  useEffect(() => {
    const stop = live.onRows(({ rows, more }) => {
      if (more || rows.some((row) => row.id === id)) soon();
    });
    return () => {
      stop();
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [id, soon]);
}

const deeds: readonly Deed[] = ['pause', 'resume', 'run', 'retry', 'accept'];

function Buttons({ account, onDone }: { account: AccountDetail; onDone: () => void }) {
  const { id, messages, paused } = account;
  if (!useMaySteer()) return <LookOnlyNote />;
  const fits: Readonly<Record<Deed, boolean>> = {
    pause: paused === null,
    resume: paused?.scope === 'account',
    run: true,
    retry: true,
    accept: messages.refused > 0,
  };
  return (
    <div class="deeds">
      {deeds
        .filter((deed) => fits[deed])
        .map((deed) => (
          <button
            key={deed}
            type="button"
            onClick={() => askToSteer({ deed, selection: { account: [id] }, what: `account ${id}`, onDone })}
          >
            {deedWords[deed].name}
          </button>
        ))}
    </div>
  );
}

function Progress({ account: { messages, bytes: octets, run, group } }: { account: AccountDetail }) {
  const now = serviceNow();
  const begun = run ? Date.parse(run.startedAt) : 0;
  const ended = run?.finishedAt ? Date.parse(run.finishedAt) : undefined;
  return (
    <section class="card" aria-labelledby="progress">
      <h2 id="progress" class="unseen">
        Progress
      </h2>
      <p class="headline">
        <strong>{percent(settledOf(messages), messages.listed)}</strong>
        {messages.listed === 0 ? ' nothing listed yet' : ` of ${number(messages.listed)} messages settled`}
        {messages.pending > 0 && <span class="muted"> · {number(messages.pending)} to go</span>}
      </p>
      <MessageBar messages={messages} />
      <dl class="figures">
        <Figure name="Group" value={visible(group)} />
        <Figure name="Appended" value={bytes(octets.appended)} more={`of ${bytes(octets.listed)} listed`} />
        <Figure name="Downloaded" value={bytes(octets.downloaded)} />
        {run && <Figure name="Began" value={instant(begun, now)} more={relative(begun, now)} />}
        {run && ended !== undefined && (
          <Figure name="Ended" value={instant(ended, now)} more={`after ${span((ended - begun) / 1000)}`} />
        )}
        {!run && <Figure name="Runs" value="none yet" />}
      </dl>
      {run && <p class="unseen">The run began at {fullInstant(begun)}.</p>}
    </section>
  );
}

function Side({ name, place: { host, port, user } }: { name: string; place: AccountDetail['source'] }) {
  return (
    <dl class="side">
      <dt>{name}</dt>
      <dd>
        <a href={listHref({ host })}>{visible(host)}</a>
        <span class="muted">:{port}</span>
        <span class="side-user">{visible(user)}</span>
      </dd>
    </dl>
  );
}

function Mailboxes({ mailboxes }: { mailboxes: AccountDetail['mailboxes'] }) {
  const all = Object.entries(mailboxes);
  if (all.length === 0) return <p class="muted">Nothing was appended in the last run.</p>;
  return (
    <ul class="mailboxes">
      {all.map(([name, count]) => (
        <li key={name}>
          <span>{visible(name)}</span>
          <span class="figure">{number(count)}</span>
        </li>
      ))}
    </ul>
  );
}
