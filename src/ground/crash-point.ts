/**
 * Named steps at which the crash tests kill the program, where a power cut would hurt most. Without the variable
 * MAILHAUL_CRASH_AT they do nothing.
 */

/** The steps, in the order in which a message comes past them. */
export const crashSteps = [
  'after-login',
  'mid-retr',
  'before-register',
  'after-register',
  // Behind the fsync of the spool.
  'before-quit',
  'after-intent',
  'after-closing',
  'after-ok',
  'after-record',
  'before-unlink',
] as const;

/** One of the steps. */
export type CrashStep = (typeof crashSteps)[number];

let plan: Plan | undefined;

interface Plan {
  readonly step: string;
  left: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

/**
 * Dies here, as by SIGKILL, if MAILHAUL_CRASH_AT names this step (`STEP`, or `STEP:N` for its N-th time); with
 * `STEP:N:SIGSTOP` it falls asleep instead.
 */
export function crashPoint(step: CrashStep): void {
  plan ??= readPlan(process.env['MAILHAUL_CRASH_AT'] ?? '');
  if (plan.step !== step) return;
  plan.left -= 1;
  if (plan.left === 0) process.kill(process.pid, plan.signal);
}

function readPlan(text: string): Plan {
  const [step = '', times = '1', signal] = text.split(':');
  return { step, left: Number(times), signal: signal === 'SIGSTOP' ? signal : 'SIGKILL' };
}
