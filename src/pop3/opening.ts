/** Before the login: the greeting, and STLS. */
import { MailhaulError } from '../ground/errors.ts';
import { LineAnswer, type Status } from './answers.ts';
import type { Capabilities } from './capabilities.ts';
import type { PopConnection } from './connection.ts';
import { classifyRefusal, hintDetails } from './replies.ts';

/**
 * Waits for the greeting and gives its line.
 * @throws MailhaulError `account-busy`, `server-unavailable` when the server greets with a refusal, `greeting-missing`
 * when a port that was to greet in plain text does not
 */
export async function awaitGreeting(connection: PopConnection): Promise<Buffer> {
  const greeting = new LineAnswer({ during: 'the greeting', answerMs: connection.options.popConnectTimeoutMs });
  connection.expect(greeting);
  const { kind, line } = await greeting.reply.catch((error) => Promise.reject(plainSilence(connection, error)));
  // The bytes of a line are the framing's, and valid for this moment.
  if (kind === 'ok') return Buffer.from(line);
  const reply = connection.readable(line);
  throw connection.error(classifyRefusal(reply), { reply, ...hintDetails(reply) });
}

// A port that speaks TLS at once waits for the client to begin, as this one waits for the server.
function plainSilence(connection: PopConnection, error: unknown): unknown {
  if (connection.endpoint.security === 'tls') return error;
  if (!(error instanceof MailhaulError) || error.code !== 'server-silent') return error;
  return connection.error('greeting-missing', { seconds: error.details['seconds']! });
}

/**
 * STLS (RFC 2595 §4), required: there is no going on without it. Capabilities heard before are void afterwards.
 * @param capabilities what the server listed in plain text; undefined when it did not say, and STLS is tried
 * @throws MailhaulError `starttls-missing`, `starttls-injected`, `tls-unverified`, `tls-failed`
 */
export async function startTlsLayer(connection: PopConnection, capabilities: Capabilities | undefined): Promise<void> {
  if (capabilities !== undefined && !capabilities.has('STLS')) throw connection.error('starttls-missing');
  const answer = new StlsAnswer(connection);
  connection.send('STLS', answer);
  const { kind } = await answer.reply;
  if (kind !== 'ok') throw connection.error('starttls-missing');
  await connection.upgrade();
}

class StlsAnswer extends LineAnswer {
  readonly #connection: PopConnection;

  constructor(connection: PopConnection) {
    super({ during: 'STLS', answerMs: connection.options.popConnectTimeoutMs });
    this.#connection = connection;
  }

  // Plain text behind the answer could pass for an answer given under TLS (CVE-2011-0411 and its kin).
  override status(status: Status): void {
    if (status.kind === 'ok' && this.#connection.unread > 0) throw this.#connection.error('starttls-injected');
    super.status(status);
  }
}
