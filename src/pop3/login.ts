/** From the greeting to an open maildrop: STLS and the logins. */
import { isRefusedCredential } from '../ground/errors.ts';
import { LineAnswer, type Status } from './answers.ts';
import { type Capabilities, offersSasl } from './capabilities.ts';
import type { PopConnection } from './connection.ts';
import { classifyLogin, classifyRefusal, hintDetails } from './replies.ts';

/**
 * Waits for the greeting.
 * @throws MailhaulError `account-busy`, `server-unavailable` when the server greets with a refusal
 */
export async function awaitGreeting(connection: PopConnection): Promise<void> {
  const greeting = new LineAnswer({ during: 'the greeting', answerMs: connection.options.popConnectTimeoutMs });
  connection.expect(greeting);
  const { kind, line } = await greeting.reply;
  if (kind === 'ok') return;
  const reply = connection.readable(line);
  throw connection.error(classifyRefusal(reply), { reply, ...hintDetails(reply) });
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

/**
 * Logs in the way the endpoint's `auth` names, or the best way the server lists.
 * @throws MailhaulError `login-mechanism`, `credentials-refused`, `account-busy`, `server-unavailable`
 */
export async function logIn(connection: PopConnection, capabilities: Capabilities | undefined): Promise<void> {
  const { user, password } = connection.endpoint;
  const mechanism = chooseMechanism(connection, capabilities);
  const marksCredentials = capabilities?.has('AUTH-RESP-CODE') ?? false;
  connection.redaction.conceal(password, Buffer.from(password).toString('base64'));
  const accept = ({ kind, line }: Status) => {
    if (kind === 'ok') return;
    const reply = connection.readable(line);
    const code = classifyLogin(reply, marksCredentials);
    const loginDelay = Number.parseInt(capabilities?.get('LOGIN-DELAY') ?? '', 10) || 0;
    throw connection.error(code, { reply, ...(isRefusedCredential(code) ? {} : hintDetails(reply, loginDelay)) });
  };
  if (mechanism === 'plain') return accept(await authPlain(connection));
  const answerMs = connection.options.popLoginTimeoutMs;
  accept(await connection.command(`USER ${user}`, { during: 'USER', answerMs }));
  accept(await connection.command(`PASS ${password}`, { during: 'PASS', answerMs }));
}

function chooseMechanism(connection: PopConnection, capabilities: Capabilities | undefined): 'user' | 'plain' {
  const { auth, authzUser } = connection.endpoint;
  const wanted = auth.toLowerCase();
  const plain = capabilities !== undefined && offersSasl(capabilities, 'PLAIN');
  if (wanted === 'plain' && (plain || capabilities === undefined)) return 'plain';
  if (wanted === 'auto' && plain) return 'plain';
  // Only SASL PLAIN can open the maildrop of somebody else (RFC 4616 §2).
  const ownMaildrop = authzUser === undefined || authzUser === '';
  if ((wanted === 'auto' || wanted === 'user') && ownMaildrop) return 'user';
  const withOther = ownMaildrop ? '' : ' for another user';
  throw connection.error('login-mechanism', { wanted: `${auth}${withOther}`, offered: offeredLogins(capabilities) });
}

function offeredLogins(capabilities: Capabilities | undefined): string {
  if (capabilities === undefined) return 'unknown';
  const sasl = capabilities.get('SASL');
  const offered = [...(capabilities.has('USER') ? ['USER'] : []), ...(sasl ? [`SASL ${sasl}`] : [])];
  return offered.join(', ') || 'nothing';
}

async function authPlain(connection: PopConnection): Promise<Status> {
  const { user, password, authzUser } = connection.endpoint;
  const answerMs = connection.options.popLoginTimeoutMs;
  const secret = Buffer.from(`${authzUser ?? ''}\0${user}\0${password}`).toString('base64');
  connection.redaction.conceal(secret);
  const expected = { during: 'AUTH PLAIN', answerMs, continues: true };
  const short = `AUTH PLAIN ${secret}`;
  // RFC 5034 §4: the first response may stand in the command if the line, CRLF included, stays within 255 octets.
  if (short.length <= 253) {
    const status = await connection.command(short, expected);
    // Old servers ignore it and ask.
    return status.kind === 'continue' ? connection.command(secret, { during: 'AUTH PLAIN', answerMs }) : status;
  }
  const status = await connection.command('AUTH PLAIN', expected);
  // Some servers say +OK where RFC 5034 §4 has a lone plus.
  return status.kind === 'error' ? status : connection.command(secret, { during: 'AUTH PLAIN', answerMs });
}
