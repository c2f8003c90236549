/**
 * How many connections a host bears, learned from its answers: cut by half when it throttles or grows slow, one more
 * again after each quiet while (additive increase, multiplicative decrease). Pure; `adaptive-state.ts` keeps the state.
 */

/** What is remembered of a host. Times are milliseconds since 1970. */
export interface AdaptiveState {
  /** Connections that were allowed right after the last cut; 0 when there was none. */
  readonly base: number;
  readonly cutAt: number;
  /** How long a login takes as a rule; 0 until one was seen. */
  readonly baselineMs: number;
  /** Logins in a row that took much longer. */
  readonly slow: number;
}

/** A host nobody has met. */
export const freshState: AdaptiveState = { base: 0, cutAt: 0, baselineMs: 0, slow: 0 };

/** What a session saw of the host: that it throttles, or how long a login took. */
export type Observation =
  | { readonly kind: 'throttled'; readonly inUse: number }
  | { readonly kind: 'login'; readonly ms: number; readonly inUse: number };

/** What the controller goes by. */
export interface AdaptiveRules {
  /** The configured limit of connections; 0 for none. */
  readonly limit: number;
  /** After each such time without a cut one connection more is allowed. */
  readonly raiseMs: number;
  /** A login is slow when it takes so many times as long as usual, and a second more. */
  readonly slowFactor: number;
}

/** Slow logins in a row that count as an answer: one slow login is a large maildrop, not a busy host. */
const slowInARow = 5;
const slowAtLeastMs = 1000;
/** What still fails in this time was begun before the cut, and is no news. */
const settleMs = 10_000;
/** Where nothing is configured, a host that bears so many is free again. */
export const enough = 1000;

/** Connections that the host is thought to bear now; 0 for no limit. Never above the configured one. */
export function allowedNow(state: AdaptiveState, now: number, { limit, raiseMs }: AdaptiveRules): number {
  if (state.base === 0) return limit;
  const learned = state.base + Math.max(0, Math.floor((now - state.cutAt) / raiseMs));
  if (limit > 0) return Math.min(limit, learned);
  return learned > enough ? 0 : learned;
}

/** The state after an observation. */
export function adapt(
  state: AdaptiveState,
  observation: Observation,
  now: number,
  rules: AdaptiveRules,
): AdaptiveState {
  if (observation.kind === 'throttled') return cut(state, observation.inUse, now, rules);
  const { ms, inUse } = observation;
  const { baselineMs } = state;
  const isSlow = baselineMs > 0 && ms > baselineMs * rules.slowFactor + slowAtLeastMs;
  const slow = isSlow ? state.slow + 1 : 0;
  // A host that became faster is believed soon, one that became slower only in the long run.
  const weight = baselineMs === 0 ? 1 : ms < baselineMs ? 0.5 : 0.02;
  const next = { ...state, slow, baselineMs: baselineMs + (ms - baselineMs) * weight };
  return slow < slowInARow ? next : { ...cut(next, inUse, now, rules), slow: 0 };
}

function cut(state: AdaptiveState, inUse: number, now: number, rules: AdaptiveRules): AdaptiveState {
  if (state.base > 0 && now < state.cutAt + settleMs) return state;
  const allowed = allowedNow(state, now, rules);
  const from = allowed === 0 ? inUse : Math.min(allowed, inUse);
  return { ...state, base: Math.max(1, Math.floor(from / 2)), cutAt: now };
}
