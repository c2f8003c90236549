/** The settings of the dashboard's door: where it is known from outside, how long a login lasts, who watches live. */
import * as z from 'zod';

const ms = z
  .number()
  .int()
  .min(1)
  .max(7 * 24 * 3600 * 1000);
const count = z.number().int().min(1);
/** A browser says its origin alone: what else stands in a URL would only look as if it meant something. */
const plainUrl = (text: string) => {
  const { username, password, search, hash } = new URL(text);
  return `${username}${password}${search}${hash}` === '';
};

/** Part of `settingsSchema`. */
export const visitorSettings = {
  publicUrl: z
    .url({ protocol: /^https?$/, error: 'must be https://HOST[:PORT][/PATH]' })
    .refine((text) => plainUrl(text), 'must have no user, query or fragment')
    .nullable(),
  loginIdleMs: ms,
  loginMaxMs: ms,
  loginsMax: count.max(100_000),
  eventsViewersMax: count.max(10_000),
  eventsBufferMaxBytes: count.max(1_073_741_824),
  eventsKeepAliveMs: ms.max(600_000),
};
