/** How long a goodbye may take. */

const FAREWELL_MS = 2000;

/** Waits for a LOGOUT, but not long: the socket is closed whatever the server says. Never rejects. */
export async function farewell(logout: Promise<unknown>, commandTimeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(FAREWELL_MS, commandTimeoutMs));
  });
  await Promise.race([logout.catch(() => {}), enough]);
  clearTimeout(timer);
}
