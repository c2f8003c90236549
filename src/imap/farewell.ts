/** How long a goodbye may take. */
import { inTime } from '../ground/clock.ts';

const FAREWELL_MS = 2000;

/** Waits for a LOGOUT, but not long: the socket is closed whatever the server says. Never rejects. */
export async function farewell(logout: Promise<unknown>, commandTimeoutMs: number): Promise<void> {
  await inTime(logout, Math.min(FAREWELL_MS, commandTimeoutMs));
}
