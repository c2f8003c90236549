/** Which process owns a directory: a file that survives its death and tells so. */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, so described that another one with the same number is not taken for it. */
export interface ProcessMark {
  pid: number;
  /** When it started, in the kernel's ticks since boot; null where the system does not tell. */
  started: string | null;
  host: string;
}

/** The mark of a process of this host. */
export function markOf(pid: number): ProcessMark {
  return { pid, started: startOf(pid), host: hostname() };
}

/**
 * Whether the marked process lives. Undefined if it belongs to another host (a container is one) and cannot be seen
 * from here.
 */
export function isAlive(mark: ProcessMark): boolean | undefined {
  if (mark.host !== hostname()) return undefined;
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return mark.started === startOf(mark.pid) && !isZombie(mark.pid);
}

/** A mark that was written with `writeMark` or `claim`, or undefined if there is none that can be read. */
export function readMark(path: string): ProcessMark | undefined {
  try {
    const mark = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessMark> | null;
    const fine = typeof mark?.pid === 'number' && mark.pid > 1 && typeof mark.host === 'string';
    return fine ? { pid: mark.pid!, started: mark.started ?? null, host: mark.host! } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a mark in one step: it is there whole or not at all. */
export function writeMark(path: string, mark: ProcessMark): void {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(mark), { mode: 0o600 });
  renameSync(draft, path);
}

/**
 * Makes this process the owner that `path` names, if there is none or `isGone` says so of the one there. Returns a
 * function that gives the ownership up, or undefined if somebody else has it.
 */
export async function claim(
  path: string,
  isGone: (owner: ProcessMark) => Promise<boolean>,
): Promise<(() => void) | undefined> {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(markOf(process.pid)), { mode: 0o600 });
  try {
    // Each turn either wins, loses, or takes away one dead owner.
    for (let turn = 0; turn < 10; turn++) {
      if (linkIfFree(draft, path)) return () => rmSync(path, { force: true });
      const before = contentOf(path);
      const owner = readMark(path);
      if (owner && !(await isGone(owner))) return undefined;
      const aside = `${path}.${randomUUID()}`;
      if (!renameIfThere(path, aside)) continue;
      // Two may take over at once: who finds that it moved a newer claim puts that back and has lost.
      const moved = contentOf(aside);
      if (moved !== before) linkIfFree(aside, path);
      rmSync(aside, { force: true });
      if (moved !== before) return undefined;
    }
    return undefined;
  } finally {
    rmSync(draft, { force: true });
  }
}

function linkIfFree(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function renameIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The fields of /proc/PID/stat after the name, which may hold anything; undefined where there is no such file. */
function statOf(pid: number): string[] | undefined {
  const text = contentOf(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** proc_pid_stat(5): starttime is field 22, the 20th after the name. */
function startOf(pid: number): string | null {
  return statOf(pid)?.[19] ?? null;
}

function isZombie(pid: number): boolean {
  return statOf(pid)?.[0] === 'Z';
}
