/** Settings of what the dashboard shows: how often it looks, and how much it remembers. */
import * as z from 'zod';

const weekMs = 7 * 24 * 3600 * 1000;

/** Their schemas; the defaults stand in config/default.yaml. */
export const boardSettings = {
  eventsMs: z.number().int().min(50).max(60_000),
  boardOpenMs: z.number().int().min(0).max(weekMs),
  boardSweepMs: z.number().int().min(1000).max(weekMs),
  throughputStepMs: z.number().int().min(1000).max(86_400_000),
  throughputSteps: z.number().int().min(1).max(100_000),
  runHistoryMax: z.number().int().min(1).max(1000),
};
