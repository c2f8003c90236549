/** The settings of the log: what it looks like, which files there are, and how much of the talk with servers is in it. */
import * as z from 'zod';

/** A part of the schema of the settings. */
export const logShape = {
  logFormat: z.enum(['auto', 'json', 'pretty']),
  logFileMaxBytes: z.number().int().min(10_000).max(Number.MAX_SAFE_INTEGER),
  logAccountFiles: z.boolean(),
  logAccountFileMaxBytes: z.number().int().min(10_000).max(Number.MAX_SAFE_INTEGER),
  logAccountFilesOpen: z.number().int().min(1).max(10_000),
  protocolTrace: z.enum(['off', 'commands']),
  protocolTraceMaxLength: z.number().int().min(80).max(100_000),
};
