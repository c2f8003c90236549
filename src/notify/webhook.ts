/**
 * Webhooks: one POST of JSON, signed as Standard Webhooks 1.0 says (https://www.standardwebhooks.com). This file owns
 * standardwebhooks.
 */
import type { IncomingMessage } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { isSafeUrl } from '../ground/settings-oauth.ts';
import { directTransport, type Transport } from '../transport/transport.ts';
import { askWeb, webTarget } from '../transport/web-request.ts';
import type { OutgoingMessage } from './message.ts';

/** Where a webhook goes, and how. Holds secrets: never log it. */
export interface WebhookPlace {
  readonly url: string;
  /** `whsec_…`: a message is signed with each, so that a receiver can change from one to the other. */
  readonly secrets: readonly string[];
  readonly transportOf: (host: string) => Promise<Transport>;
  /** Authorities that are trusted instead of those of Node.js, as PEM text. */
  readonly ca?: string | undefined;
  /** For all of it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The time that the signature vouches for: milliseconds since 1970. */
  readonly now: number;
}

/** The headers that vouch for a body: they name the message, the time of this try, and a signature by each secret. */
export function signedHeaders(
  id: string,
  body: string,
  { secrets, now }: Pick<WebhookPlace, 'secrets' | 'now'>,
): Record<string, string> {
  const at = new Date(now);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  };
}

/**
 * Posts a message. Any 2xx is a yes; of the answer nothing else is read, and redirects are not followed.
 * @throws MailhaulError what `askWeb` throws, and an Error for any other answer, which quotes nothing of it
 */
export async function postWebhook({ id, notification }: OutgoingMessage, place: WebhookPlace): Promise<void> {
  const url = new URL(place.url);
  const body = JSON.stringify(notification);
  const { ca, timeoutMs } = place;
  const deadline = AbortSignal.timeout(timeoutMs);
  const { host } = webTarget(url);
  // A proxy takes "this machine" for itself.
  const here = url.protocol === 'http:' && isSafeUrl(place.url);
  const question = {
    url,
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'mailhaul',
      connection: 'close',
      ...signedHeaders(id, body, place),
    },
    body: Buffer.from(body),
    transport: here ? directTransport : await place.transportOf(host),
    tlsCa: ca,
    timeoutMs,
    signal: AbortSignal.any([deadline, place.signal]),
  };
  const status = await askWeb(question, statusOf).catch((error: unknown) => {
    if (error === deadline.reason) throw new Error(`no answer within ${timeoutMs / 1000} s`);
    throw error;
  });
  if (status >= 200 && status < 300) return;
  const redirects = status >= 300 && status < 400;
  throw new Error(redirects ? `it answers ${status}, and redirects are not followed` : `it answers ${status}`);
}

async function statusOf({ statusCode = 0 }: IncomingMessage): Promise<number> {
  return statusCode;
}
