/** Who is logged in. */
import type { SessionStatus } from '../../operations/answers/session.ts';
import { ask, setDoor } from './api.ts';
import { Cell, useCell } from './cell.ts';
import { live } from './live.ts';

const none: SessionStatus = { role: 'look', csrf: '', version: '' };

/** The session of this page; as one that may look only, until it is known. */
export const session = new Cell<SessionStatus>(none);

/** Asks who is logged in. Throws as `ask` does. */
export async function openSession(): Promise<void> {
  setDoor({ onLocked: () => live.end() });
  session.value = await ask<SessionStatus>('api/session');
  setDoor({ csrf: session.value.csrf });
}

/** Whether this page may change things. */
export function useMaySteer(): boolean {
  return useCell(session).role === 'steer';
}
