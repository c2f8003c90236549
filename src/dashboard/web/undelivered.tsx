/** The messages of an account that did not arrive, page by page, each with its reason. */
import { useState } from 'preact/hooks';
import type { UndeliveredMessage, Undelivered as UndeliveredPage } from '../../operations/answers/account.ts';
import { Exports } from './exports.tsx';
import { visible } from './foreign-text.ts';
import { bytes, number, plural } from './format.ts';
import { FaultBox } from './notices.tsx';
import { useAnswer } from './use-answer.ts';

const perPage = 20;

/** The section of the account's page. `mark` changes when the list may be another. */
export function Undelivered({ path, mark }: { path: string; mark: string }) {
  const [page, setPage] = useState(0);
  const question = `${path}/undelivered?offset=${page * perPage}&limit=${perPage}`;
  const { value, fault, reload } = useAnswer<UndeliveredPage>(question, undefined, mark);
  const total = value?.total ?? 0;
  const pages = Math.max(1, Math.ceil(total / perPage));
  if (page > 0 && value && page >= pages) setPage(pages - 1);
  return (
    <section class="card wide" aria-labelledby="undelivered">
      <div class="card-head">
        <h2 id="undelivered">Undelivered messages</h2>
        {total > 0 && <span class="muted">{number(total)}</span>}
      </div>
      {fault && <FaultBox fault={fault} retry={reload} />}
      {value ? (
        total === 0 ? (
          <p class="muted">None: nothing was refused, and everything could be had.</p>
        ) : (
          <Messages messages={value.messages} />
        )
      ) : (
        !fault && <p class="loading">Loading …</p>
      )}
      {value && <Exports path={path} undelivered={total} />}
      {pages > 1 && <Pager page={page} pages={pages} onPage={setPage} />}
    </section>
  );
}

function Messages({ messages }: { messages: readonly UndeliveredMessage[] }) {
  const remedies = new Map(messages.map(({ code, remedy }) => [code, remedy]));
  return (
    <>
      <dl class="remedies">
        {[...remedies]
          .filter(([, remedy]) => remedy !== '')
          .map(([code, remedy]) => (
            <div key={code}>
              <dt>
                What to do about <code>{code}</code>
              </dt>
              <dd>{visible(remedy)}</dd>
            </div>
          ))}
      </dl>
      <ul class="messages">
        {messages.map((message) => (
          <Message key={message.key} message={message} />
        ))}
      </ul>
    </>
  );
}

function Pager({ page, pages, onPage }: { page: number; pages: number; onPage: (page: number) => void }) {
  return (
    <nav class="pager" aria-label="Pages of undelivered messages">
      <button type="button" disabled={page === 0} onClick={() => onPage(page - 1)}>
        Previous page
      </button>
      <span class="muted" role="status">
        Page {number(page + 1)} of {number(pages)}
      </span>
      <button type="button" disabled={page >= pages - 1} onClick={() => onPage(page + 1)}>
        Next page
      </button>
    </nav>
  );
}

const fates: Readonly<Record<UndeliveredMessage['fate'], string>> = {
  refused: 'refused by the destination',
  unreadable: 'could not be fetched',
  hidden: 'not shown by the source',
};

function Message({ message }: { message: UndeliveredMessage }) {
  const { subject, date, size, fate, text, reply, tries, messageId, code, uidl } = message;
  return (
    <li>
      <p class="message-head">
        <strong>{subject === '' ? <span class="muted">no subject</span> : visible(subject, 300)}</strong>
        <span class="muted figure">{[...(date === '' ? [] : [visible(date, 60)]), bytes(size)].join(' · ')}</span>
      </p>
      <p>
        <span class="bad">{fates[fate]}</span>: {visible(text)}
        {reply !== '' && !text.includes(reply) && (
          <>
            {' '}
            The server said: <q>{visible(reply, 500)}</q>
          </>
        )}
      </p>
      <p class="muted message-marks">
        <code>{code}</code> · {plural(tries, 'try', 'tries')}
        {messageId !== '' && <> · Message-ID {visible(messageId, 200)}</>}
        {uidl !== '' && <> · UIDL {visible(uidl, 100)}</>}
      </p>
    </li>
  );
}
