/** The time of the service: what it tells is to be compared with its own clock, and that of a reader may be wrong. */

/** Answers say the time to the second, and are under way for a while: less than this is no difference. */
const sameMs = 5000;
let aheadMs = 0;

/** Takes the time of an answer's `Date` header (RFC 9110 §6.6.1), which came just now. */
export function noteTime(date: string | null): void {
  const apartMs = Date.parse(date ?? '') - Date.now();
  if (!Number.isNaN(apartMs)) aheadMs = Math.abs(apartMs) < sameMs ? 0 : apartMs;
}

/** Now, in milliseconds since 1970, as the service has it. */
export function serviceNow(): number {
  return Date.now() + aheadMs;
}
