/** The dashboard's page: begins the session and the stream, and shows what the address names. */
import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { AccountPage } from './account.tsx';
import { AccountsPage } from './accounts.tsx';
import { asFault, type Fault } from './api.ts';
import { AuditPage } from './audit.tsx';
import { Header, LinkNote } from './frame.tsx';
import { HostsPage } from './hosts.tsx';
import { live } from './live.ts';
import { FaultBox, Notices } from './notices.tsx';
import { OverviewPage } from './overview.tsx';
import { type Route, readRoute } from './route.ts';
import { openSession } from './session.ts';
import { SteerDialog } from './steering.tsx';
import { restoreTheme } from './theme.ts';

function App() {
  const route = useRoute();
  const { fault, begin } = useBeginning();
  const main = useFocusOnArrival(route);
  return (
    <div class={`frame frame-${route.page}`}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Header page={route.page} />
      <LinkNote />
      <main id="main" ref={main} tabIndex={-1} class={`page-${route.page}`}>
        {fault ? <FaultBox fault={fault} retry={begin} /> : <Page route={route} />}
      </main>
      <Notices />
      <SteerDialog />
    </div>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'overview':
      return <OverviewPage />;
    case 'accounts':
      return <AccountsPage query={route.query} />;
    case 'account':
      return <AccountPage key={route.id} id={route.id} />;
    case 'audit':
      return <AuditPage />;
    case 'hosts':
      return <HostsPage />;
    default:
      return (
        <>
          <h1>There is no such page</h1>
          <p>
            <a href="#/">Overview</a>
          </p>
        </>
      );
  }
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(readRoute(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}

function useBeginning(): { fault: Fault | undefined; begin: () => void } {
  const [fault, setFault] = useState<Fault>();
  const begin = () => {
    openSession().then(
      () => {
        setFault(undefined);
        live.open();
      },
      (thrown: unknown) => setFault(asFault(thrown)),
    );
  };
  useEffect(begin, []);
  return { fault, begin };
}

/** Who follows a link with the keyboard or a screen reader goes on reading at the top of the new page. */
function useFocusOnArrival(route: Route) {
  const main = useRef<HTMLElement>(null);
  const name = route.page === 'account' ? `account ${route.id}` : route.page;
  const before = useRef(name);
  useEffect(() => {
    if (before.current === name) return;
    before.current = name;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [name]);
  return main;
}

restoreTheme();
render(<App />, document.getElementById('page')!);
