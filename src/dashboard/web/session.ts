/** Who is logged in. */
import type { SessionStatus } from '../../operations/answers/session.ts';
import { ask, setDoor } from './api.ts';
import { Cell, useCell } from './cell.ts';
import { live } from './live.ts';

/** The session of this page, once it is known. */
export const session = new Cell<SessionStatus | undefined>(undefined);

/** Asks who is logged in. Throws as `ask` does. */
export async function openSession(): Promise<void> {
  setDoor({ onLocked: () => live.end() });
  const found = await ask<SessionStatus>('api/session');
  setDoor({ csrf: found.csrf });
  session.value = found;
}

/** Whether this page may change things. */
export function useMaySteer(): boolean {
  return useCell(session)?.role === 'steer';
}
