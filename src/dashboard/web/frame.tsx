/** What stands around every page: names, ways, the state of the stream, who is logged in. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { asFault, logOut } from './api.ts';
import { useCell } from './cell.ts';
import { Icon } from './icons.tsx';
import { type Link, live } from './live.ts';
import { tellFault } from './notices.tsx';
import type { Route } from './route.ts';
import { session } from './session.ts';
import { chooseTheme, theme, themes } from './theme.ts';

const ways = [
  { page: 'overview', href: '#/', name: 'Overview' },
  { page: 'accounts', href: '#/accounts', name: 'Accounts' },
  { page: 'hosts', href: '#/hosts', name: 'Hosts' },
  { page: 'audit', href: '#/audit', name: 'Audit' },
] as const;

/** The head of every page. */
export function Header({ page }: { page: Route['page'] }) {
  const here = page === 'account' ? 'accounts' : page;
  return (
    <header class="header">
      <span class="brand">Mailhaul</span>
      <nav aria-label="Pages">
        <ul>
          {ways.map(({ page: name, href, name: text }) => (
            <li key={name}>
              <a href={href} aria-current={name === here ? 'page' : undefined}>
                {text}
              </a>
            </li>
          ))}
          <li>
            <a href="queues" target="_blank" rel="noopener">
              Queues
              <Icon name="out" />
              <span class="unseen"> (opens another page)</span>
            </a>
          </li>
        </ul>
      </nav>
      <LinkSign />
      <Menu />
    </header>
  );
}

const linkWords: Readonly<Record<Link, string>> = {
  opening: 'Connecting',
  live: 'Live',
  lost: 'Offline',
  ended: 'Ended',
};

function LinkSign() {
  const link = useCell(live.link);
  return <span class={`link-sign link-${link}`}>{linkWords[link]}</span>;
}

/** Tells what is wrong with the stream, where something is. */
export function LinkNote() {
  const link = useCell(live.link);
  return (
    <div role="status" class="link-note">
      {link === 'lost' && (
        <p>
          The connection to Mailhaul is lost; what you see may be old. This page tries again by itself.{' '}
          <button type="button" onClick={() => live.open()}>
            Try now
          </button>
        </p>
      )}
      {link === 'ended' && (
        <p>
          Your session has ended; what you see is no longer live.{' '}
          <a class="button" href="./">
            Log in
          </a>
        </p>
      )}
    </div>
  );
}

function Menu() {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    const leave = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      box.current?.querySelector('button')?.focus();
    };
    document.addEventListener('pointerdown', away);
    document.addEventListener('focusin', away);
    document.addEventListener('keydown', leave);
    return () => {
      document.removeEventListener('pointerdown', away);
      document.removeEventListener('focusin', away);
      document.removeEventListener('keydown', leave);
    };
  }, [open]);
  return (
    <div class="menu" ref={box}>
      <button
        type="button"
        class="quiet"
        aria-expanded={open}
        aria-controls="menu-panel"
        onClick={() => setOpen(!open)}
      >
        <Icon name="menu" />
        Session
      </button>
      <div id="menu-panel" class="menu-panel" hidden={!open}>
        <ThemeChoice />
        <SessionInfo />
      </div>
    </div>
  );
}

function ThemeChoice() {
  const chosen = useCell(theme);
  return (
    <fieldset class="choice">
      <legend>Theme</legend>
      {themes.map((name) => (
        <label key={name}>
          <input type="radio" name="theme" checked={name === chosen} onChange={() => chooseTheme(name)} />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  );
}

function SessionInfo() {
  const found = useCell(session);
  const leave = () => {
    // The service cuts the stream of a session that ends; it is no fault then.
    live.close();
    logOut().then(
      () => location.assign('./'),
      (thrown: unknown) => {
        tellFault(asFault(thrown));
        live.open();
      },
    );
  };
  return (
    <div class="session">
      <p>{found?.role === 'steer' ? 'You may look and steer.' : <LookOnlyNote />}</p>
      <p class="muted">Mailhaul {found?.version}</p>
      <button type="button" onClick={leave}>
        Log out
      </button>
    </div>
  );
}

/** How somebody who may only look gets the buttons; nothing for who has them. */
export function LookOnlyNote() {
  if (useCell(session)?.role !== 'look') return null;
  return <span class="muted">You may look only. To steer, log out and log in again with “Allow steering”.</span>;
}
