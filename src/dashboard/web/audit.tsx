/** Who did what. */

import type { AuditEntry } from '../../operations/answers/deeds.ts';
import { serviceNow } from './clock.ts';
import { visible } from './foreign-text.ts';
import { instant } from './format.ts';
import { FaultBox } from './notices.tsx';
import { useAnswer } from './use-answer.ts';

const most = 200;
const askEveryMs = 15_000;

/** The page of the audit log. */
export function AuditPage() {
  const { value, fault, reload } = useAnswer<{ entries: readonly AuditEntry[] }>(`api/audit?limit=${most}`, askEveryMs);
  return (
    <>
      <h1>Audit</h1>
      <p class="muted">
        Who steered what, on this page or by the command line: the newest {most}. The file audit.jsonl in the data
        directory has them all.
      </p>
      {fault && !value && <FaultBox fault={fault} retry={reload} />}
      {!value && !fault && <p class="loading">Loading …</p>}
      {value?.entries.length === 0 && <p class="card empty">Nobody has steered anything yet.</p>}
      {value && value.entries.length > 0 && <Entries entries={value.entries} />}
    </>
  );
}

function Entries({ entries }: { entries: readonly AuditEntry[] }) {
  const now = serviceNow();
  return (
    <div class="card">
      <table class="lines stack">
        <caption class="unseen">What was done, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">Did</th>
            <th scope="col">Reason</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry, index) => (
            <tr key={`${entry.at} ${index}`}>
              <td class="when">{instant(Date.parse(entry.at), now)}</td>
              <td>{visible(entry.by)}</td>
              <td>
                <strong>{visible(entry.action)}</strong> {visible(entry.scope, 300)}
              </td>
              <td>{visible(entry.reason)}</td>
              <td class={entry.result.startsWith('refused') ? 'bad' : 'muted'}>{visible(entry.result)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
