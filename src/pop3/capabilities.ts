/** CAPA: what a server says it can (RFC 2449). */
import { type ErrorCode, MailhaulError } from '../ground/errors.ts';
import { BodyAnswer } from './answers.ts';
import type { PopConnection } from './connection.ts';

/** Capability names in upper case with their arguments, in the server's order. */
export type Capabilities = ReadonlyMap<string, string>;

/** CAPA made the server hang, hang up or talk nonsense; the connection is gone and the next one does without. */
export class CapaUnusable extends Error {
  override readonly name = 'CapaUnusable';
}

const spoiled: readonly ErrorCode[] = ['server-silent', 'connection-lost', 'protocol-error'];

/**
 * Asks for the capabilities; undefined when the server refuses to say.
 * @throws CapaUnusable when CAPA cost the connection
 */
export async function askCapabilities(connection: PopConnection): Promise<Capabilities | undefined> {
  const { popCapaTimeoutMs, popStatusLineMaxBytes } = connection.options;
  const during = 'CAPA';
  // One capability is a line; far more lines than were ever registered still fit.
  const answer = new BodyAnswer(
    { during, answerMs: popCapaTimeoutMs },
    popCapaTimeoutMs,
    popStatusLineMaxBytes * 16,
    () => connection.error('protocol-error', { during, reply: 'an endless answer' }),
  );
  connection.send('CAPA', answer);
  try {
    const { kind } = await answer.reply;
    return kind === 'ok' ? parseCapabilities(answer.body) : undefined;
  } catch (error) {
    if (error instanceof MailhaulError && spoiled.includes(error.code)) throw new CapaUnusable(error.message);
    throw error;
  }
}

/** The lines of a CAPA answer. A name listed twice keeps its first arguments. */
export function parseCapabilities(body: Buffer): Capabilities {
  const found = new Map<string, string>();
  for (const line of body.toString('latin1').split('\n')) {
    const [name = '', ...rest] = line.trim().split(/[ \t]+/);
    // RFC 2449 §5: names of capabilities are case-insensitive.
    const key = name.toUpperCase();
    if (key !== '' && !found.has(key)) found.set(key, rest.join(' '));
  }
  return found;
}

/** Whether the server lists a SASL mechanism (RFC 5034 §3). */
export function offersSasl(capabilities: Capabilities, mechanism: string): boolean {
  return (capabilities.get('SASL') ?? '').toUpperCase().split(' ').includes(mechanism);
}

/** Seconds that the server wants between two logins of a user (RFC 2449 §6.5); 0 where it wants none. */
export function loginDelaySeconds(capabilities: Capabilities): number {
  return Number.parseInt(capabilities.get('LOGIN-DELAY') ?? '', 10) || 0;
}
