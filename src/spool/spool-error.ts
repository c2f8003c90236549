/** What it means that a file of the spool could not be written. */
import { MailhaulError } from '../ground/errors.ts';

/** `spool-full` where there is no room, `spool-failed` for all else; `path` is the directory of the spool. */
export function spoolError(path: string, error: unknown): Error {
  if (error instanceof MailhaulError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
  return new MailhaulError(full ? 'spool-full' : 'spool-failed', { path, reason: message }, error);
}
