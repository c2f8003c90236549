/** What to do where nothing is to be seen yet. */

/** In the place of accounts while there are none. */
export function NoAccounts() {
  return (
    <section class="card empty" aria-labelledby="no-accounts">
      <h2 id="no-accounts">No accounts yet</h2>
      <p>Mailhaul runs and has nobody to move. Give it an account list, a CSV, YAML or JSON file, on its host:</p>
      <pre>
        <code>mailhaul check accounts.csv{'\n'}mailhaul accounts import accounts.csv</code>
      </pre>
      <p class="muted">
        The first says what would be in the way and changes nothing. This page shows the accounts as soon as they are
        there.
      </p>
    </section>
  );
}
