/** Questions to the API of the service, by addresses relative to the page. */

import { noteTime } from './clock.ts';

/** An error as the API tells it. */
export class Fault extends Error {
  readonly status: number;
  readonly code: string;
  readonly remedy: string;

  constructor(status: number, code: string, text: string, remedy: string) {
    super(text);
    this.status = status;
    this.code = code;
    this.remedy = remedy;
  }
}

/** Who is told that the session has ended, and what proves that a request comes from this page. */
export interface Door {
  csrf: string;
  onLocked: () => void;
}

const door: Door = { csrf: '', onLocked: () => {} };

/** Sets what requests need from now on. */
export function setDoor(parts: Partial<Door>): void {
  Object.assign(door, parts);
}

/** Asks. Throws a Fault; one with the status 0 when the service cannot be reached, and what `signal` says. */
export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  return answerOf<T>(fetch(path, { headers: { accept: 'application/json' }, signal: signal ?? null }));
}

/** Has something done. Throws as `ask` does. */
export async function tell<T>(path: string, body: unknown): Promise<T> {
  const headers = { accept: 'application/json', 'content-type': 'application/json', 'x-csrf-token': door.csrf };
  return answerOf<T>(fetch(path, { method: 'POST', headers, body: JSON.stringify(body) }));
}

/** A file. */
export interface Fetched {
  readonly name: string;
  readonly content: Blob;
  readonly headers: Headers;
}

/** Has a file made and fetches it whole. Throws as `ask` does. */
export async function fetchFile(path: string, signal: AbortSignal): Promise<Fetched> {
  const response = await answerTo(fetch(path, { method: 'POST', headers: { 'x-csrf-token': door.csrf }, signal }));
  const { headers } = response;
  const name = /filename="([^"]+)"/.exec(headers.get('content-disposition') ?? '')?.[1] ?? 'export';
  const content = await response.blob().catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw new Fault(0, 'cut-off', 'The file was cut off.', 'Try again; the log of the service says why it ended.');
  });
  return { name, content, headers };
}

/** Ends the session. Throws as `ask` does. */
export async function logOut(): Promise<void> {
  const response = await fetch('logout', { method: 'POST', headers: { 'x-csrf-token': door.csrf } });
  if (!response.ok && response.status !== 401) throw await faultOf(response);
}

async function answerOf<T>(asked: Promise<Response>): Promise<T> {
  return (await (await answerTo(asked)).json()) as T;
}

async function answerTo(asked: Promise<Response>): Promise<Response> {
  const response = await asked.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    const remedy = 'Look whether the service and the way to it are up; this page tries again by itself.';
    throw new Fault(0, 'unreachable', 'The service does not answer.', remedy);
  });
  noteTime(response.headers.get('date'));
  if (response.ok) return response;
  if (response.status === 401) door.onLocked();
  throw await faultOf(response);
}

async function faultOf(response: Response): Promise<Fault> {
  const told = (await response.json().catch(() => ({}))) as { code?: string; text?: string; remedy?: string };
  const text = told.text ?? `The service answers with status ${response.status}.`;
  return new Fault(response.status, told.code ?? 'unexpected', text, told.remedy ?? '');
}

/** Anything thrown as a Fault. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new Fault(0, 'unexpected', `This page met an error: ${reason}`, 'Load it again.');
}
