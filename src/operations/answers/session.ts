/** Who is logged in at the dashboard, and what he may do. */
import * as z from 'zod';

/** GET /api/session. */
export const sessionSchema = z.strictObject({
  /** `steer` may change things, `look` may not. */
  role: z.enum(['steer', 'look']),
  /** To be sent as the header x-csrf-token with everything but GET; empty for who shows a token instead of a cookie. */
  csrf: z.string(),
  /** Of Mailhaul. */
  version: z.string(),
});

/** GET /api/session. */
export type SessionStatus = z.infer<typeof sessionSchema>;
