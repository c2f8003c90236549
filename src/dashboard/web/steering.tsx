/** The dialog that stands before every deed and says what it does, and to how many. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { asFault, type Fault } from './api.ts';
import { Cell, useCell } from './cell.ts';
import { type Deed, deedWords, doDeed, doneText, type Meant } from './deeds.ts';
import { visible } from './foreign-text.ts';
import { FaultBox, tellDone } from './notices.tsx';

/** A deed that somebody wants done. */
export interface Wish {
  readonly deed: Deed;
  readonly selection: Meant;
  /** Which accounts, in words: `account alice`, `12 accounts`. */
  readonly what: string;
  readonly onDone?: () => void;
}

const laterToo = ' Accounts that are added later are held, too.';
const wished = new Cell<Wish | undefined>(undefined);

/** Asks whether a deed is really meant, and does it. */
export function askToSteer(wish: Wish): void {
  wished.value = wish;
}

/** The place of the dialog. */
export function SteerDialog() {
  const wish = useCell(wished);
  return wish ? <Asking key={`${wish.deed} ${wish.what}`} wish={wish} /> : null;
}

function Asking({ wish }: { wish: Wish }) {
  const box = useDialog();
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const words = deedWords[wish.deed];
  const what = visible(wish.what, 200);
  const close = () => box.current?.close();
  const go = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    doDeed(wish.deed, wish.selection, reason).then(
      (done) => {
        close();
        tellDone(doneText(wish.deed, what, done));
        wish.onDone?.();
      },
      (thrown: unknown) => {
        setBusy(false);
        setFault(asFault(thrown));
      },
    );
  };
  return (
    <dialog ref={box} aria-labelledby="steer-title" aria-describedby="steer-does" onClose={() => closed(wish)}>
      <form onSubmit={go}>
        <h2 id="steer-title">
          {words.name}: {what}
        </h2>
        <p id="steer-does">
          {words.does}
          {wish.deed === 'pause' && !('account' in wish.selection || 'filter' in wish.selection) && laterToo}
        </p>
        {words.reason !== 'none' && (
          <label class="field">
            <span>{words.reason === 'required' ? 'Reason' : 'Reason (optional)'}</span>
            <textarea
              rows={2}
              maxLength={500}
              required={words.reason === 'required'}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
        )}
        {fault && <FaultBox fault={fault} />}
        <div class="dialog-buttons">
          <button type="button" onClick={close} disabled={busy}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy}>
            {busy ? 'Working …' : words.name}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** Only the dialog that is shown is taken away: another may have come in its place. */
function closed(wish: Wish): void {
  if (wished.value === wish) wished.value = undefined;
}

/** A dialog that is open as soon as it is there, and gives the focus back to where it was. */
function useDialog() {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return box;
}
