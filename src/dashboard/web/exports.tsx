/** Files that are made for who asks: the messages that did not arrive, and where the others went. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { asFault, type Fault, type Fetched, fetchFile } from './api.ts';
import { exportNote } from './export-note.ts';
import { FaultBox, tellDone } from './notices.tsx';
import { useMaySteer } from './session.ts';

/** One kind of file. */
interface Export {
  /** Its name in the API. */
  readonly kind: 'messages' | 'uidl-map';
  readonly name: string;
}

const messages: Export = { kind: 'messages', name: 'Download these messages (ZIP)' };
const uidlMap: Export = { kind: 'uidl-map', name: 'Download the UIDL map (CSV)' };

/** The buttons, for who may steer: both log in at the source, and hand out what is in the mailbox. */
export function Exports({ path, undelivered }: { path: string; undelivered: number }) {
  const [busy, setBusy] = useState<Export>();
  const [fault, setFault] = useState<Fault>();
  const control = useRef<AbortController>(undefined);
  useEffect(() => () => control.current?.abort(), []);
  if (!useMaySteer()) return null;
  const fetchOne = (wanted: Export) => {
    const asked = new AbortController();
    control.current = asked;
    setBusy(wanted);
    setFault(undefined);
    fetchFile(`${path}/export/${wanted.kind}`, asked.signal).then(
      (fetched) => {
        setBusy(undefined);
        save(fetched);
        tellDone(exportNote(fetched));
      },
      (thrown: unknown) => {
        setBusy(undefined);
        if (!asked.signal.aborted) setFault(asFault(thrown));
      },
    );
  };
  return (
    <>
      <p class="exports">
        {[...(undelivered > 0 ? [messages] : []), uidlMap].map((one) => (
          <button key={one.kind} type="button" disabled={busy !== undefined} onClick={() => fetchOne(one)}>
            {busy === one ? 'Logging in at the source …' : one.name}
          </button>
        ))}
        {busy && (
          <button type="button" class="quiet" onClick={() => control.current?.abort()}>
            Cancel the download
          </button>
        )}
        <span class="muted">Either costs a login at the source.</span>
      </p>
      {fault && <FaultBox fault={fault} />}
    </>
  );
}

function save({ name, content }: Fetched): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has begun to read it once what the click caused is done.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
