/** What was before: the runs of an account, and what somebody signed off. */

import type { RunStatus } from '../../operations/answers/account.ts';
import type { AccountDetail } from '../../operations/answers/account-status.ts';
import { serviceNow } from './clock.ts';
import { visible } from './foreign-text.ts';
import { bytes, fullInstant, instant, number, span } from './format.ts';
import { metLast } from './met-last.ts';
import { FaultBox } from './notices.tsx';
import { StateBadge } from './states.tsx';
import { useAnswer } from './use-answer.ts';

/** Both sections. */
export function AccountHistory({ path, account }: { path: string; account: AccountDetail }) {
  return (
    <>
      <Runs path={path} mark={`${account.run?.id ?? ''} ${account.run?.finishedAt ?? ''}`} />
      {account.accepted.length > 0 && <Accepted accepted={account.accepted} />}
    </>
  );
}

function Runs({ path, mark }: { path: string; mark: string }) {
  const { value, fault, reload } = useAnswer<{ runs: readonly RunStatus[] }>(`${path}/runs`, undefined, mark);
  return (
    <section class="card wide" aria-labelledby="runs">
      <h2 id="runs">Runs</h2>
      {fault && <FaultBox fault={fault} retry={reload} />}
      {!value && !fault && <p class="loading">Loading …</p>}
      {value?.runs.length === 0 && <p class="muted">None yet.</p>}
      {value && value.runs.length > 0 && <RunTable runs={value.runs} />}
    </section>
  );
}

function RunTable({ runs }: { runs: readonly RunStatus[] }) {
  const now = serviceNow();
  return (
    <table class="lines stack">
      <caption class="unseen">Runs of this account, the newest first</caption>
      <thead>
        <tr>
          <th scope="col">Run</th>
          <th scope="col">State</th>
          <th scope="col">Began</th>
          <th scope="col">Took</th>
          <th scope="col" class="figure">
            Appended
          </th>
          <th scope="col" class="figure">
            Not delivered
          </th>
          <th scope="col">Met last</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <tr key={run.id}>
            <th scope="row" data-name="run">
              {number(run.number)}
            </th>
            <td>
              <StateBadge state={run.state} />
            </td>
            <td title={fullInstant(Date.parse(run.startedAt))}>{instant(Date.parse(run.startedAt), now)}</td>
            <td data-name="took">
              {run.finishedAt === null
                ? 'not ended'
                : span((Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000)}
            </td>
            <td class="figure" data-name="appended">
              {number(run.messages.appended)} · {bytes(run.bytes.appended)}
            </td>
            <td class="figure" data-name="not delivered">
              {number(run.messages.refused + run.messages.failed)}
            </td>
            <td class="muted">
              {[
                ...(run.repaired > 0 ? [`${number(run.repaired)} repaired`] : []),
                ...(run.rewritten > 0 ? [`${number(run.rewritten)} rewritten`] : []),
                ...(run.error === '' ? [] : [visible(metLast(run.error), 300)]),
              ].join(' · ')}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Accepted({ accepted }: Pick<AccountDetail, 'accepted'>) {
  const now = serviceNow();
  return (
    <section class="card wide" aria-labelledby="accepted">
      <h2 id="accepted">Signed off</h2>
      <ul class="messages">
        {accepted.map(({ acceptance: { by, reason, at }, refusal: { code, text, subject = '', size } }, index) => (
          <li key={index}>
            <p class="message-head">
              <strong>{subject === '' ? <span class="muted">no subject</span> : visible(subject, 300)}</strong>
              {size !== undefined && <span class="muted figure">{bytes(size)}</span>}
            </p>
            <p>
              <code>{code}</code> {visible(text)}
            </p>
            <p class="muted">
              Accepted by {visible(by)}, {instant(at, now)}: {visible(reason)}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
